// What the README says of the code, beside the code.
import { globSync, readFileSync } from "node:fs";
import t from "tap";
import { at } from "../../build/paths.ts";
import { ErrorCode } from "../../src/errors.ts";
import { differenceTable } from "../kernel/side-by-side/differences.ts";

const readme = readFileSync(at("README.md"), "utf8");
const section = (title: string): string => readme.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? "";

t.test("the table of errors has each code once, in order, and what to do about it", async (t) => {
  const rows = [...section("Errors").matchAll(/^\| (\d+) \| (.+) \| (.+) \|$/gm)];
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
  t.match(section("Beside the reference plugin"), differenceTable());
});
