// test/specification.md says which test checks what the CNI specification demands: each of those tests is there.
import { existsSync, readFileSync } from "node:fs";
import t from "tap";
import { at } from "../../build/paths.ts";

const rows = readFileSync(at("test/specification.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (version \| )?the specification says/.test(line));

/** Names of the tests in a file, with … for what a template fills in. */
function testsIn(file: string): string[] {
  if (!existsSync(file)) return [];
  const titles = readFileSync(file, "utf8").matchAll(/\bt\.test\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/g);
  return [...titles].map(([, text, template]) => text ?? (template as string).replaceAll(/\$\{[^}]*\}/g, "…"));
}

t.test("each demand of the specification names tests that are there", async (t) => {
  t.ok(rows.length > 50, "the tables are found");
  for (const row of rows) {
    const cells = row.slice(2, -2).split(" | ");
    const [demand, tests] = cells.slice(-2) as [string, string];
    for (const one of tests.split("<br>")) {
      const [, file, name] = /^`(\S+\.test\.ts)`: (.*?)(?: \(`\w+`\))?$/.exec(one) ?? [];
      t.ok(file && name && testsIn(at(`test/${file}`)).includes(name), `${demand}: ${one}`);
    }
  }
});
