// What the documentation says of the code, beside the code.
import { globSync, readFileSync } from "node:fs";
import t from "tap";
import { at } from "../../build/paths.ts";
import { ErrorCode } from "../../src/errors.ts";
import { differenceTable } from "../kernel/side-by-side/differences.ts";

const page = (name: string): string => readFileSync(at("docs", name), "utf8");

t.test("the table of errors has each code once, in order, and what to do about it", async (t) => {
  const rows = [...page("errors.md").matchAll(/^\| (\d+) \| (.+) \| (.+) \|$/gm)];
  t.strictSame(
    rows.map(([, code]) => Number(code)),
    Object.values(ErrorCode),
  );
});

t.test("each code is the code of an error", async (t) => {
  const sources = globSync(at("src/**/*.ts"))
    .filter((file) => !file.endsWith("/errors.ts"))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  for (const name of Object.keys(ErrorCode)) t.match(sources, new RegExp(`\\bErrorCode\\.${name}\\b`), name);
});

t.test("the table of differences from the reference plugin is the one that the comparison goes by", async (t) => {
  t.match(page("reference-plugin.md"), differenceTable());
});
