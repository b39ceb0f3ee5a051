// The command line's frame: help, version, flags, colours, and what happens without a reader.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import t from "tap";
import { at } from "../../../build/paths.ts";
import { manual } from "../../../src/cli/manual.ts";
import { cli, executables } from "./lib/cli.ts";

const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));

for (const { name, path } of executables) {
  t.test(`${name}: help names every command, and each has help of its own`, async (t) => {
    const all = cli(path, ["help"]);
    t.strictSame([all.code, all.stderr], [0, ""]);
    t.strictSame(cli(path, ["--help"]).stdout, all.stdout);
    t.strictSame(cli(path, ["-h"]).stdout, all.stdout);
    for (const command of name === "native" ? manual : manual.slice(0, 2)) {
      t.match(all.stdout, new RegExp(`^ {2}${command.name} +\\S`, "m"));
      const own = cli(path, ["help", command.name]);
      t.strictSame(cli(path, [command.name, "-h"]), own);
      t.equal(own.code, 0);
      for (const flag of command.flags) t.match(own.stdout, `--${flag.name}`, `${command.name} --${flag.name}`);
      t.notMatch(own.stdout, "\u001b", "no colours where it is no terminal");
      for (const line of own.stdout.split("\n")) {
        if (!line.includes("ipvlan ")) t.ok(line.length <= 80, `fits: ${line}`);
      }
    }
  });

  t.test(
    `${name}: without words it says what it is, and what it can, and succeeds as the reference plugins do`,
    async (t) => {
      const answer = cli(path, []);
      t.strictSame([answer.code, answer.stdout], [0, ""]);
      t.match(answer.stderr, `CNI plugin ipvlan v${version}`);
      for (const command of manual) t.match(answer.stderr, command.name);
    },
  );

  t.test(`${name}: version tells the program's, CNI's and the kernel's`, async (t) => {
    const answer = cli(path, ["version"]);
    t.match(answer.stdout, new RegExp(`^ipvlan ${version} \\(\\w+(-dirty)?\\), \\w+, (QuickJS-ng|Node\\.js) \\d`));
    t.match(answer.stdout, "CNI    0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n");
    t.strictSame(cli(path, ["--version"]).stdout, answer.stdout);
    const json = JSON.parse(cli(path, ["version", "--json"]).stdout);
    t.equal(json.version, version);
    t.equal(json.kernel.release, readFileSync("/proc/sys/kernel/osrelease", "utf8").trim());
    t.match(json.kernel, { ipvlan: /^(loaded|built-in|module|absent)$/, "8021q": /./, dummy: /./ });
  });

  t.test(`${name}: what is misspelt gets what was meant, on stderr, with 2`, async (t) => {
    for (const [words, why] of [
      [["valdate"], /unknown command valdate; did you mean validate\?/],
      [["frobnicate"], /unknown command frobnicate: there are validate, /],
      [["validate", "--jsn"], /unknown flag --jsn; did you mean --json\? \(ipvlan help validate\)/],
      [["validate", "-z"], /unknown flag -z/],
      [["validate", "--plugins"], /--plugins needs a value: --plugins FOLDER/],
      [["validate", "--json=perhaps"], /true or false is wanted/],
      [["help", "validat"], /did you mean validate/],
      [["completion", "csh"], /a shell is wanted: bash, zsh, fish/],
    ] as const) {
      const answer = cli(path, words);
      t.strictSame([answer.code, answer.stdout], [2, ""], words.join(" "));
      t.match(answer.stderr, why, words.join(" "));
      t.equal(answer.stderr.trimEnd().split("\n").length, 1);
    }
  });

  t.test(`${name}: schema prints the published schemas, that of lists in one piece`, async (t) => {
    const text = (name: string) => readFileSync(at(`schemas/${name}.schema.json`), "utf8");
    const { $schema, $defs, ...entry } = JSON.parse(text("network-configuration"));
    t.strictSame(JSON.parse(cli(path, ["schema"]).stdout), { $schema, ...entry, $defs });
    const list = JSON.parse(
      text("network-configuration-list").replace("network-configuration.schema.json", "#/$defs/entry"),
    );
    t.strictSame(JSON.parse(cli(path, ["schema", "--list"]).stdout), { ...list, $defs: { ...$defs, entry } });
  });

  t.test(`${name}: a reader that goes away is no fault that is reported; a disk that is full is`, async (t) => {
    const script = `"$0" help | true; "$0" help > /dev/full`;
    const { stderr, status } = spawnSync("bash", ["--norc", "-c", script, path], { encoding: "utf8", env: {} });
    t.strictSame(
      [stderr, status],
      ["ipvlan: write standard output: ENOSPC: make room on its file system [write ENOSPC]\n", 2],
    );
  });

  t.test(`${name}: on a terminal lines fit it, in colours unless NO_COLOR or TERM=dumb asks for none`, async (t) => {
    const onTerminal = (environment: Record<string, string>) => {
      const command = `stty cols 60; ${path} help validate`;
      const { stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
        encoding: "utf8",
        env: { PATH: process.env.PATH, ...environment },
      });
      return stdout.replaceAll("\r", "");
    };
    const coloured = onTerminal({ TERM: "xterm" });
    t.match(coloured, "\u001b[1mFlags\u001b[0m");
    for (const environment of [{ TERM: "xterm", NO_COLOR: "1" }, { TERM: "dumb" }]) {
      const plain = onTerminal(environment);
      t.notMatch(plain, "\u001b");
      t.match(plain, "Flags\n");
      const long = plain.split("\n").filter((line) => line.length > 60 && !line.includes("ipvlan "));
      t.strictSame(long, [], "nothing is wider than the terminal");
    }
    t.match(onTerminal({ TERM: "xterm", NO_COLOR: "" }), "\u001b", "an empty NO_COLOR is none");
  });

  t.test(`${name}: completions offer commands, flags, their values and files`, async (t) => {
    const offered = (...words: string[]) =>
      cli(path, ["__complete", ...words])
        .stdout.split("\n")
        .filter(Boolean);
    t.strictSame(offered("val"), ["validate"]);
    t.strictSame(
      offered(""),
      manual.map((command) => command.name),
    );
    t.strictSame(offered("validate", "--js"), ["--json"]);
    t.strictSame(offered("convert", "--to", ""), ["ipvlan", "reference"]);
    t.strictSame(offered("convert", ""), [":files"]);
    t.strictSame(offered("completion", "f"), ["fish"]);
    t.strictSame(offered("nonsense", ""), []);
  });

  t.test(`${name}: bash completes with the script that is printed`, async (t) => {
    const script = `
      PATH=$1:$PATH; eval "$(ipvlan completion bash)"
      ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _ipvlan; echo "\${COMPREPLY[*]}"; }
      ask ipvlan val; ask ipvlan validate --no; ask ipvlan convert --to=ref; ask ipvlan convert --to r; cd /etc; ask ipvlan validate passw`;
    const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", script, "bash", path.replace(/\/ipvlan$/, "")], {
      encoding: "utf8",
      env: { PATH: process.env.PATH },
    });
    t.equal(stderr, "");
    const [command, flag, , value, file] = stdout.split("\n");
    t.strictSame([command, flag, value], ["validate", "--no-host", "reference"]);
    t.match(file, /\bpasswd\b/);
  });
}
