// The scripts that are more than a test's words.
import { globSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { scripts } from "../../src/cli/completion-scripts.ts";
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

const work = mkdtempSync(join(tmpdir(), "shells-"));
t.teardown(() => rmSync(work, { recursive: true }));
symlinkSync(at("dist/native/ipvlan"), join(work, "ipvlan"));

/** How each shell is asked what it would offer behind `ipvlan WORDS`: one answer a line. */
const shells: Readonly<Record<string, (root: string, words: string) => { program: string; words: string[] }>> = {
  // In place of the shell's own, which work while somebody types: compdef notes what is for whom, compadd what is offered.
  zsh: (root, words) => ({
    program: "zsh",
    words: [
      "-f",
      "-c",
      `module_path=(${root}/usr/lib/*/zsh/*(/N)); zmodload zsh/parameter
      compdef() { :; }; compadd() { print -l -- $answers; }; _files() { print FILES; }
      eval "$(ipvlan completion zsh)"; words=(ipvlan ${words}); CURRENT=\${#words}; _ipvlan`,
    ],
  }),
  fish: (root, words) => ({
    program: "fish",
    words: [
      "--no-config",
      "-c",
      `set fish_function_path ${root}/usr/share/fish/functions; ipvlan completion fish | source; complete -C "ipvlan ${words}"`,
    ],
  }),
};

for (const [shell, ask] of Object.entries(shells)) {
  t.test(`${shell} offers what the program does: commands, flags, files`, async (t) => {
    const root = await layer("shells");
    writeFileSync(join(work, "list-of-mine"), "");
    const offered = async (given: string) => {
      const { program, words } = ask(root, given);
      const { path, env } = programOf(root, program);
      const own = { ...env, PATH: `${work}:${process.env.PATH}`, HOME: work, XDG_DATA_HOME: work, TERM: "dumb" };
      const { stdout, stderr } = await run(path, words, { env: own, cwd: work });
      t.equal(stderr, "", `${shell}, ${given}: no complaint`);
      return stdout
        .toString()
        .split("\n")
        .map((line) => line.split("\t")[0])
        .filter((line) => line !== "");
    };
    t.strictSame(await offered("rel"), ["release"]);
    t.ok((await offered("doctor --")).includes("--repair"));
    const files = await offered("validate list");
    t.ok(
      files.some((file) => file === "FILES" || file === "list-of-mine"),
      `files: ${files.join(" ")}`,
    );
    t.match(scripts[shell], "__complete");
  });
}
