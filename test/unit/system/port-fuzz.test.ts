// The host in C against whatever the TypeScript may pass it: see lib/port-fuzz.ts.
import { spawnSync } from "node:child_process";
import t from "tap";
import { at } from "../../../build/paths.ts";
import { temporaryFolder } from "./lib/runtimes.ts";

const seed = String(Date.now() % 1_000_000);

for (const [name, rounds] of [
  ["native", "6000"],
  ["sanitized", "800"],
] as const) {
  t.test(`${name}: no argument makes the host read or write where it must not (seed ${seed})`, (t) => {
    const child = spawnSync(at(`dist/tests/${name}`), ["port-fuzz.ts", "", seed, rounds], {
      cwd: temporaryFolder(t),
      encoding: "utf8",
      timeout: 55_000,
    });
    t.strictSame([child.status, child.signal, child.stderr], [0, null, ""]);
    const cases = child.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    t.equal(cases.length, 3);
    for (const { promise, got, want } of cases) t.strictSame(got, want, promise);
    t.end();
  });
}
