// npm test: the whole suite, or a part of it.
//
//   npm test                                 everything: checks, unit tests, the executables, generated inputs, the
//                                            allocator against the reference, installing, kernel tests, containerd and Podman
//   npm test -- unit kernel/networks          the tests whose path begins so
//   npm test -- kernel --executable native      of one executable
//   npm test -- kernel runtimes --executable pkg    what the whole suite leaves out for the executable on Node: half an hour
//
// The last line is `N passed, N failed, N skipped`; the exit code is 1 if anything failed or nothing ran.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { describeFailure } from "../build/obstacle.ts";
import { at, root } from "../build/paths.ts";
import type { MachineOptions } from "./machine/host.ts";
import { heading, reportOutcome, reportSkips, summary } from "./runner/report.ts";
import { Tally } from "./runner/tally.ts";
import { killRunning, nameOf, runTestFile } from "./runner/test-file.ts";

/** Seconds that a file may take. */
const limits = {
  unit: 120,
  executable: 120,
  fuzz: 240,
  patience: 300,
  differential: 480,
  crash: 480,
  cluster: process.env.IPVLAN_TEST_OPERATIONS === undefined ? 480 : 3600,
  install: 600,
  kernel: 1200,
  runtimes: 1200,
};
const executables = ["native", "pkg"];
/**
 * What the whole suite runs with the executable on Node in an emulated machine, where it takes ten times as long to start: what shows its
 * own adapter, every command and a container runtime. All else is the same TypeScript, and is listed as skipped.
 */
const alsoOnNode = ["kernel/delegation", "kernel/fuzz", "kernel/main-job", "kernel/status", "runtimes/podman"];
/** What the whole suite leaves out with every executable, and how long it takes. */
const alone: Readonly<Record<string, string>> = { "kernel/reach/firewalld": "three minutes" };
/** What takes longest begins first: at the end nothing else would be left to do beside it. */
const longest = [
  ...["cluster/kubernetes", "cluster/kills", "install/release", "install/arm64"],
  ...["kernel/side-by-side", "kernel/reach/services", "kernel/reach/lifetime", "kernel/agent", "runtimes/containerd"],
];
// Two emulated machines of one processor each do twice as much as two of two processors, or as one machine.
const oneForEachProcessor = { machines: Math.min(2, availableParallelism()), processors: 1 };
const oneWithTwoProcessors = { machines: 1, processors: 2 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { executable: { type: "string", multiple: true, default: executables } },
});
const unknown = values.executable.filter((name) => !executables.includes(name));
if (unknown.length > 0) {
  console.error(`no executable ${unknown.join(", ")}: there are ${executables.join(" and ")}`);
  process.exit(1);
}
const filters = positionals.map((filter) => filter.replace(/^(\.\/)?test\//, ""));
const all = new Tally();
const stopMachines: (() => Promise<void>)[] = [];

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.on(signal, async () => {
    killRunning();
    await Promise.all(stopMachines.map((stop) => stop()));
    process.exit(code);
  });
}

if (filters.length === 0) {
  heading("Checks");
  await check("lint", ["--run", "lint"]);
  await check("typecheck", ["--run", "typecheck"]);
}
const unit = selected("unit");
const executable = selected("executable");
const fuzz = selected("fuzz");
const patience = selected("patience");
const differential = selected("differential");
const crash = selected("crash");
const cluster = selected("cluster");
const install = selected("install");
const kernel = selected("kernel");
const runtimes = selected("runtimes");
// Some of these run the executables, too; always both.
const needsBoth = unit.length + executable.length + fuzz.length + patience.length + cluster.length + install.length > 0;
const built = await check("build", [at("build/build.ts"), ...(needsBoth ? [] : [...values.executable, "node"])]);
if (built && unit.length + executable.length > 0)
  await check("build of the tests' own executables", [at("test/native/build.ts")]);
if (built) {
  await runNatively("Unit tests", unit, limits.unit, availableParallelism());
  await runNatively("The executables", executable, limits.executable, availableParallelism());
  await runNatively("Generated inputs", fuzz, limits.fuzz, 1);
  // These only wait: beside the others.
  const waiting = runNatively("Time limits (ending later)", patience, limits.patience, patience.length);
  // These keep all processors busy by themselves.
  await runNatively("Addresses: the same answers as host-local", differential, limits.differential, 1);
  await runNatively("Addresses: killed at every system call", crash, limits.crash, 1);
  await runNatively("One pool over many nodes", cluster, limits.cluster, availableParallelism());
  await runNatively("Installing", install, limits.install, availableParallelism());
  const races = kernel.filter((file) => nameOf(file).startsWith("kernel/races/"));
  const others = kernel.filter((file) => !races.includes(file));
  await runInMachines("Kernel tests", others, limits.kernel, oneForEachProcessor);
  await runInMachines("Kernel tests of processes at once", races, limits.kernel, oneWithTwoProcessors);
  await runInMachines("Container runtimes", runtimes, limits.runtimes, {
    ...oneForEachProcessor,
    groups: ["runtimes"],
  });
  await waiting;
}

reportSkips(all);
const nothingRan = [unit, executable, fuzz, patience, differential, crash, cluster, install, kernel, runtimes].every(
  (files) => files.length === 0,
);
if (nothingRan) console.error(`no test file begins with ${filters.join(" or ")}`);
console.log(`\n${summary(all)}`);
process.exit(all.failures.length > 0 || nothingRan ? 1 : 0);

function selected(kind: keyof typeof limits): string[] {
  return globSync(at(`test/${kind}/**/*.test.ts`))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .filter((file) => filters.length === 0 || filters.some((filter) => `${nameOf(file)}.test.ts`.startsWith(filter)));
}

function rank(file: string): number {
  const place = longest.indexOf(nameOf(file));
  return place < 0 ? longest.length : place;
}

/** A step of the build or a look at the sources; counts as one test. */
async function check(name: string, words: string[]): Promise<boolean> {
  const started = performance.now();
  const child = spawn(process.execPath, words, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const code = await new Promise((resolve) => child.on("close", resolve));
  const tally = new Tally();
  if (code === 0) tally.pass();
  else tally.fail(name, `exit code ${code}`);
  report(name, tally, (performance.now() - started) / 1000, output);
  return code === 0;
}

async function runNatively(title: string, files: string[], limit: number, workers: number): Promise<void> {
  if (files.length === 0) return;
  heading(title);
  const queue = [...files];
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      await runFile(nameOf(file), file, {}, limit);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

/**
 * Every file with every executable, in machines that share the work.
 * @param kind how many machines, and of what kind
 */
async function runInMachines(
  title: string,
  files: string[],
  limit: number,
  { machines, ...options }: MachineOptions & { machines: number },
): Promise<void> {
  if (files.length === 0) return;
  heading(title);
  const jobs = values.executable.flatMap((executable) => files.map((file) => ({ executable, file })));
  // Asked for by name they are run with both.
  const isLeft = ({ executable, file }: { executable: string; file: string }): boolean =>
    filters.length === 0 && (nameOf(file) in alone || (executable === "pkg" && !alsoOnNode.includes(nameOf(file))));
  for (const job of jobs.filter(isLeft)) {
    const name = nameOf(job.file);
    const command = `npm test -- ${name} --executable ${job.executable}`;
    const why = alone[name] ? `takes ${alone[name]}` : "Node starts ten times as slowly in an emulated machine";
    const reason = `${why}: ${command}`;
    all.skips.push({ test: `${name} [${job.executable}]`, reason });
  }
  const queue = jobs.filter((job) => !isLeft(job));
  const work = async (): Promise<void> => {
    const started = performance.now();
    let stop = async (): Promise<void> => {};
    try {
      const { startMachine } = await import("./machine/host.ts");
      const machine = await startMachine(options);
      stop = machine.stop;
      stopMachines.push(stop);
      console.log(`machine: ${machine.kind}, ready in ${((performance.now() - started) / 1000).toFixed(1)} s`);
      for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
        const env = { ...machine.env, IPVLAN_PLUGIN: job.executable };
        await runFile(`${nameOf(job.file)} [${job.executable}]`, job.file, env, limit);
      }
    } catch (error) {
      const tally = new Tally();
      tally.fail("test machine", describeFailure(error));
      report("test machine", tally, (performance.now() - started) / 1000, "");
    } finally {
      await stop();
    }
  };
  await Promise.all(Array.from({ length: Math.min(machines, queue.length) }, work));
}

async function runFile(name: string, file: string, env: NodeJS.ProcessEnv, limit: number): Promise<void> {
  const { tally, seconds, output } = await runTestFile(name, file, env, limit);
  report(name, tally, seconds, output);
}

function report(name: string, tally: Tally, seconds: number, output: string): void {
  reportOutcome(name, tally, seconds, output);
  all.add(tally);
}
