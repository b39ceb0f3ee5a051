// The scripts that are more than a test's words.
import { globSync } from "node:fs";
import t from "tap";
import { layer } from "../machine/packages.ts";
import { programOf, run } from "../machine/process.ts";
import { at } from "./lib/release.ts";

t.setTimeout(0);

t.test("shellcheck has nothing to say", async (t) => {
  const { path, env } = programOf(await layer("shellcheck"), "shellcheck");
  const scripts = ["build/**/*.sh", "test/e2e/**/*.sh", "test/runtimes/**/*.sh"].flatMap((pattern) =>
    globSync(at(pattern)),
  );
  t.ok(scripts.length >= 3, "there are scripts");
  // Some are put together with others: no shebang.
  const { code, stdout } = await run(path, ["--shell=sh", ...scripts], { env });
  t.equal(code, 0, stdout.toString());
  const broken = await run(path, ["--shell=sh", "-"], { env, input: "echo $undefined" });
  t.match(broken.stdout.toString(), "SC2154", "it would say so");
});
