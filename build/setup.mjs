// The way in of every `npm run` command, on whatever Node the machine has (20 or newer): installs the locked packages
// where they are missing or old, generates or builds where asked, and hands over to the Node that is one of those packages.
//
//   node build/setup.mjs [--generate | --build] SCRIPT [ARGUMENT...]
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const node = join(root, "node_modules", `node-linux-${process.arch}`, "bin", "node");
const say = (line) => process.stderr.write(`setup: ${line}\n`);

function fail(line) {
  say(line);
  process.exit(1);
}

/** npm's record of what it installed says more than a time stamp: it holds after a checkout of another branch, too. */
function isInstalled() {
  try {
    const locked = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const installed = JSON.parse(readFileSync(join(root, "node_modules", ".package-lock.json"), "utf8")).packages;
    return Object.entries(locked).every(([path, entry]) => {
      if (path === "") return true;
      return path in installed ? installed[path].integrity === entry.integrity : entry.optional === true;
    });
  } catch {
    return false;
  }
}

function install() {
  say("npm ci (some 190 MB to fetch, 530 MB on disk)");
  const started = Date.now();
  // npm names itself to the scripts it runs; by hand, the one in the PATH serves. No install script is needed by any
  // package, and the include options undo what the environment (NODE_ENV=production) or a user's .npmrc leaves out.
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const options = ["--include=dev", "--include=optional", "--ignore-scripts", "--loglevel=error", "--no-progress"];
  const [command, ...words] = [...npm, "ci", ...options];
  // npm reports to standard output, which belongs to the command that is about to run.
  const { status, error } = spawnSync(command, words, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) fail(`npm ci failed${error ? `: ${error.message}` : ""}`);
  say(`installed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** Node's own binary needs libatomic, which a bare Debian lacks. */
function checkNode() {
  if (!existsSync(node)) {
    fail(`no Node for ${process.platform} on ${process.arch}: npm left out node-linux-${process.arch}`);
  }
  const starts = () => spawnSync(node, ["--version"], { encoding: "utf8" });
  let { status, stderr } = starts();
  if (stderr.includes("libatomic") && process.getuid() === 0 && existsSync("/usr/bin/apt-get")) {
    say("apt-get install libatomic1 (Node needs it)");
    spawnSync("apt-get", ["update", "-qq"], { stdio: ["ignore", 2, 2] });
    const words = ["install", "-y", "-qq", "--no-install-recommends", "libatomic1"];
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", words, { stdio: ["ignore", 2, 2], env });
    ({ status, stderr } = starts());
  }
  if (status !== 0) fail(`${node} does not start (Debian: apt-get install libatomic1): ${stderr.trim()}`);
}

function run(script, words) {
  const path = `${join(root, "node_modules", ".bin")}:${process.env.PATH ?? ""}`;
  const child = spawn(node, ["--disable-warning=ExperimentalWarning", script, ...words], {
    stdio: "inherit",
    env: { ...process.env, PATH: path },
  });
  // A Ctrl-C reaches the child by itself; what is sent to this process alone is passed on.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}

const words = process.argv.slice(2);
const first = /^--(generate|build)$/.exec(words[0] ?? "")?.[1];
const [script, ...rest] = first ? words.slice(1) : words;
if (script === undefined) fail("usage: node build/setup.mjs [--generate | --build] SCRIPT [ARGUMENT...]");

if (!isInstalled()) {
  install();
  checkNode();
}
const prepared = first ? await run(join(root, "build", `${first}.ts`), []) : 0;
process.exitCode = prepared === 0 ? await run(script, rest) : prepared;
