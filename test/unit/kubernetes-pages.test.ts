// The pages of npm run e2e:kubernetes -- --publish, whose sections are replaced one at a time.
import t from "tap";
import { print, read } from "../e2e/kubernetes/publish.ts";
import { count, type Row, replaceRows, resultsIn, table } from "../e2e/kubernetes/rows.ts";

const rows: readonly Row[] = [
  { scenario: "reach", check: "a | b", result: "ok", seconds: 1.25, detail: "" },
  { scenario: "reach", check: "c", result: "FAILED", seconds: 20, detail: "no answer\nmore" },
];

t.test("a page that is read and printed is the same, and a section can be replaced", async (t) => {
  const sections = new Map([
    ["l2", new Map([["reach", "of one day"]])],
    ["l3s; nftables", new Map(Object.entries({ reach: "first\n\nsecond", services: table(rows) }))],
  ]);
  const page = print("# Title\n\nHead.", sections);
  t.equal(print("# Title\n\nHead.", read(page)), page);
  const found = read(page);
  found.get("l2")?.set("reach", "of another");
  const changed = print("# Title\n\nHead.", found);
  t.equal(changed, page.replace("of one day", "of another"));
});

t.test("a row is one line of a table, with why a check failed", async (t) => {
  t.equal(
    table(rows),
    "| check | result | s | seen |\n|---|---|---|---|\n| a \\| b | ok | 1.3 |  |\n| c | FAILED | 20.0 | no answer |",
  );
  t.equal(count(rows), "1 ok, 1 failed, 0 not run");
});

t.test("checks that are run again by themselves replace their rows, and no others", async (t) => {
  const again: Row = { scenario: "reach", check: "c", result: "ok", seconds: 2, detail: "by itself" };
  const merged = replaceRows(table(rows), [again]);
  t.equal(merged, table(rows).replace("| c | FAILED | 20.0 | no answer |", "| c | ok | 2.0 | by itself |"));
  t.equal(count(resultsIn(merged)), "2 ok, 0 failed, 0 not run");
  const first: Row = { ...again, check: "a | b", result: "not run" };
  t.equal(count(resultsIn(replaceRows(merged, [first]))), "1 ok, 0 failed, 1 not run");
  const other: Row = { ...again, check: "d" };
  t.equal(replaceRows(merged, [other]), `${merged}\n| d | ok | 2.0 | by itself |`, "a new one comes behind");
});
