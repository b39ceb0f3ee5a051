// npm run bench: the plugin beside the reference plugin (ipvlan and host-local), in turn, on the same kernel.
//
//   npm run bench                             everything: some minutes
//   npm run bench -- --quick                  start-up, ADD and DEL: two minutes
//   npm run bench -- --only "host access"     of the attachments, those whose title has this in it
//   npm run bench -- --native                 only what needs no ipvlan
//   npm run bench -- --reference newest       beside the newest release, built by Go, instead of Debian's package
//   npm run bench -- --json FILE              where the figures go besides; default .cache/bench/report.json
//   npm run bench -- --phases                 where the time of ADD and DEL goes, call by call; with --only, of another series
//   npm run bench -- --publish                puts the table and the chart into docs/speed.md
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { at, shown } from "../../build/paths.ts";
import { quickjsVersion } from "../../build/quickjs.ts";
import { runTool } from "../../build/run-tool.ts";
import { hostArch, nodeBinary } from "../../build/runtimes.ts";
import { staticToolchain } from "../../build/toolchain.ts";
import { createLab } from "../kernel/lib/lab.ts";
import { openTestHost } from "../machine/host.ts";
import { layer } from "../machine/packages.ts";
import { newestPlugins, referenceVersion } from "../machine/reference-plugins.ts";
import { chart } from "./chart.ts";
import { measurePhases } from "./phases.ts";
import { kernelSeries, kernelSetUp, type Programs, plainSeries, type Sample, type Series } from "./plan.ts";
import { type Circumstances, machineText, type Report, section, table } from "./report.ts";
import { planText, samplesOf } from "./series.ts";
import { type Figures, summarise } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    native: { type: "boolean", default: false },
    only: { type: "string" },
    reference: { type: "string", default: "debian" },
    json: { type: "string", default: at(".cache/bench/report.json") },
    phases: { type: "boolean", default: false },
    publish: { type: "boolean", default: false },
  },
});

const RELEASE = `v${referenceVersion}`;

const { only } = values;
if (values.publish && (values.quick || values.native || only !== undefined))
  throw new Error("--publish is for the whole bench");
const work = at(".cache/bench");
mkdirSync(work, { recursive: true });
const timer = join(work, "timer");
const programs = await findPrograms();
if (values.phases) {
  const machine = await openTestHost({ stock: true });
  try {
    console.log(await measurePhases(machine, programs, work, only ?? ""));
  } finally {
    await machine.close();
  }
  process.exit();
}
await compile("timer");

const copies = copyAll(programs);
const starts = summarise(measureHere(plainSeries(copies, values.quick ? 40 : 100)));
const circumstances: Circumstances = {
  date: new Date().toISOString().slice(0, 10),
  processor: cpus()[0]?.model.trim() ?? "unknown",
  processors: cpus().length,
  kernel: release().replace(/-.*/, ""),
  versions: {
    plugin: aboutOf(programs.native).replace(/^CNI plugin ipvlan v/, ""),
    quickjs: quickjsVersion,
    node: execFileSync(nodeBinary(hostArch), ["--version"], { encoding: "utf8" }).trim(),
    reference: nameOfReference(),
  },
  sizes: {
    native: statSync(programs.native).size,
    pkg: statSync(programs.pkg).size,
    reference:
      statSync(join(programs.reference, "ipvlan")).size + statSync(join(programs.reference, "host-local")).size,
  },
};
console.log(
  `${circumstances.processor}, ${circumstances.processors} processors; reference: ${circumstances.versions.reference}`,
);
console.log(`\nOn Linux ${circumstances.kernel}\n${table(starts)}`);
const report = values.native ? { circumstances, starts, attachments: [] } : await measureAttachments();
mkdirSync(dirname(resolve(values.json)), { recursive: true });
writeFileSync(resolve(values.json), `${JSON.stringify(report, undefined, 2)}\n`);
if (values.publish) publish(report);

/** One of the C programs beside this file. @returns its path */
async function compile(name: string): Promise<string> {
  const { compiler, link } = await staticToolchain(hostArch);
  const [program, ...words] = [...compiler, ...link.before, "-O2", "-Wall", "-Wextra", "-Werror"];
  const output = join(work, name);
  await runTool(program as string, [...words, "-o", output, at(`test/bench/${name}.c`), ...link.after]);
  return output;
}

async function findPrograms(): Promise<Programs> {
  const base = await layer("base");
  const empty = await compile("empty");
  const newest = values.reference === "newest" ? newestFolder() : undefined;
  return {
    native: at("dist/native/ipvlan"),
    pkg: at("dist/pkg/ipvlan"),
    reference: newest ?? join(base, "usr/lib/cni"),
    cniVersion: newest === undefined ? "1.0.0" : "1.1.0",
    empty,
  };
}

/**
 * Each program in a file written just now, in one go, as an installer leaves it. How large the pieces are in which the kernel
 * has a file in memory is worth 1 ms of a start, and depends on when and how it got there.
 */
function copyAll(programs: Programs): Programs {
  const copy = (path: string, name: string): string => {
    const file = join(work, "copies", name);
    mkdirSync(dirname(file), { recursive: true });
    rmSync(file, { force: true });
    writeFileSync(file, readFileSync(path), { mode: 0o755 });
    return file;
  };
  const { native, pkg, empty, reference } = programs;
  return {
    ...programs,
    native: copy(native, "native"),
    pkg: copy(pkg, "pkg"),
    empty: copy(empty, "empty"),
    reference: dirname(copy(join(reference, "ipvlan"), "ipvlan")),
  };
}

function newestFolder(): string {
  const newest = newestPlugins();
  if ("missing" in newest) throw new Error(`--reference newest: ${newest.missing}`);
  return newest.path;
}

function nameOfReference(): string {
  if (values.reference === "newest") return `containernetworking/plugins ${RELEASE}`;
  const { stdout } = spawnSync("apt-cache", ["policy", "containernetworking-plugins"], { encoding: "utf8" });
  const [, version = ""] = /Candidate: (\d\S*)/.exec(stdout ?? "") ?? [];
  return `Debian's containernetworking-plugins ${version}`.trim();
}

/** The first line of what a plugin says of itself without a command. */
function aboutOf(program: string): string {
  const { stdout, stderr } = spawnSync(program, { env: {}, encoding: "utf8" });
  return (stdout + stderr).split("\n")[0] ?? "";
}

function measureHere(all: readonly Series[]): Sample[] {
  const file = join(tmpdir(), `bench.${process.pid}.json`);
  try {
    return all.flatMap((series) => {
      progress(series.title);
      writeFileSync(file, planText(series));
      return samplesOf(execFileSync(timer, [file], { encoding: "utf8", maxBuffer: 2 ** 30 }));
    });
  } finally {
    rmSync(file, { force: true });
  }
}

async function measureAttachments(): Promise<Report> {
  const machine = await openTestHost({ stock: true });
  try {
    const lab = await createLab(machine);
    const patience = { timeoutMs: 1_200_000 };
    const there = kernelSetUp(programs);
    await lab.ok(`host h1; ${there.script}`, patience);
    const kernel = (await lab.ok("uname -r")).trim();
    const onHost = async (script = ":"): Promise<string> =>
      lab.ok(`cat > /tmp/bench/script <<'END'\n${script}\nEND\non h1 sh -e /tmp/bench/script`, patience);
    const samples: Sample[] = [];
    for (const series of kernelSeries(there.programs, values.quick ? "quick" : "all")) {
      if (only !== undefined && !series.title.includes(only)) continue;
      progress(series.title);
      await onHost(series.before);
      await lab.ok(`cat > /tmp/bench/series <<'END'\n${planText(series)}END`);
      samples.push(...samplesOf(await lab.ok(`on h1 ${timer} /tmp/bench/series`, patience)));
      await onHost(series.after);
    }
    const report = {
      circumstances: { ...circumstances, machine: { kind: machine.kind, kernel } },
      starts,
      attachments: summarise(samples),
    };
    console.log(`\nOn ${machineText(report.circumstances)}\n${table(report.attachments)}`);
    if (only === undefined) console.log(`\n${conclusion(report.attachments)}`);
    return report;
  } finally {
    await machine.close();
  }
}

function conclusion(figures: readonly Figures[]): string {
  const of = (name: string) => figures.find(({ row, contender }) => row.startsWith("ADD, L2") && contender === name);
  const [native, reference] = [of("native"), of("reference")];
  return (
    `ADD: dist/native ${native?.median.toFixed(1)} ms, reference ${reference?.median.toFixed(1)} ms, ` +
    `median ratio of ${native?.runs} pairs ${native?.ratio?.median.toFixed(3)}`
  );
}

/** The part of docs/speed.md between the marks, and the chart beside this file. */
function publish(report: Report): void {
  const marks = /(<!-- bench: [^\n]*-->\n)[\s\S]*?(<!-- bench end -->)/;
  const page = readFileSync(at("docs/speed.md"), "utf8");
  if (!marks.test(page)) throw new Error("docs/speed.md has no marks for the bench's table");
  writeFileSync(
    at("docs/speed.md"),
    page.replace(marks, (_, begin: string, end: string) => `${begin}${section(report)}\n${end}`),
  );
  writeFileSync(at("test/bench/chart.svg"), chart(report));
}

function progress(title: string): void {
  process.stderr.write(`bench: ${title}\n`);
}

process.stderr.write(`bench: figures are in ${shown(resolve(values.json))}\n`);
