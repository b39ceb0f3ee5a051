// npm run bench: the plugin beside the reference plugin (ipvlan + host-local), in turn, on the same kernel.
//
//   npm run bench                       start-up, ADD and DEL, 25 pairs: some minutes
//   npm run bench -- --all              modes, families, VLANs, CHECK, reservations and crowds as well
//   npm run bench -- --chart            writes test/bench/chart.svg, which the README shows
//   npm run bench -- --json FILE        where the figures go; default dist/bench.json
import { execFileSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { at } from "../../build/paths.ts";
import { bunBinary } from "../../build/runtimes.ts";
import { createLab } from "../kernel/lib/lab.ts";
import { openTestHost } from "../machine/host.ts";
import { layer } from "../machine/packages.ts";
import { chart } from "./chart.ts";
import { kernelPlan, kernelSetUp, nativePlan, type Plan, type Sample } from "./plan.ts";
import { type Figures, summarise } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    chart: { type: "boolean", default: false },
    json: { type: "string", default: at("dist/bench.json") },
  },
});
const rounds = 25;
const measure = at("dist/bench-measure");
execFileSync(bunBinary(process.arch as "x64" | "arm64"), [
  "build",
  "--compile",
  `--outfile=${measure}`,
  at("test/bench/measure.ts"),
]);
const base = await layer("base");
const programs = { bun: at("dist/bun/ipvlan"), pkg: at("dist/pkg/ipvlan") };

console.log(`processor: ${cpus()[0]?.model}, ${cpus().length} of them`);
const native = summarise(measureNatively(nativePlan({ ...programs, reference: `${base}/usr/lib/cni` }, 100)));
show("Natively, on this machine's kernel: start-up alone", native);

const machine = await openTestHost();
try {
  const lab = await createLab(machine);
  await lab.ok(`host h1; ${kernelSetUp}`, { timeoutMs: 120_000 });
  const system = (await lab.ok("uname -srv; ls /usr/lib/cni > /dev/null")).trim();
  const where =
    machine.kind === "vm" ? "in a virtual machine without hardware acceleration" : "on this machine's kernel";
  console.log(`\n${system}, ${where}`);
  const plan = kernelPlan({ ...programs, reference: "/usr/lib/cni" }, rounds, values.all);
  const samples: Sample[] = [];
  for (const row of plan.rows) {
    process.stderr.write(`bench: ${row.name}\n`);
    await lab.ok(`cat > /tmp/bench/plan.json <<'END'\n${JSON.stringify({ rows: [row] })}\nEND`);
    const text = await lab.ok(`on h1 ${measure} /tmp/bench/plan.json`, { timeoutMs: 900_000 });
    samples.push(...(JSON.parse(text) as Sample[]));
  }
  const figures = summarise(samples);
  show(`ADD, DEL and the rest, ${where}`, figures);
  const sizes = Object.entries(programs).map(([name, path]) => `${name} ${(statSync(path).size / 1e6).toFixed(0)} MB`);
  console.log(`\nSize of the executables: ${sizes.join(", ")}`);
  const add = figures.find(({ row, contender }) => row === "ADD L2" && contender === "bun");
  console.log(`Median ratio of ADD, dist/bun to the reference: ${add?.ratio?.median.toFixed(3)}`);
  const when = new Date().toISOString().slice(0, 10);
  const report = { when, system, machine: machine.kind, rounds, native, figures };
  writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  if (values.chart) {
    const title = `Time relative to the reference plugin (median of pairs, ${when}, ${machine.kind})`;
    writeFileSync(at("test/bench/chart.svg"), chart(figures, title));
  }
} finally {
  await machine.close();
}

function measureNatively(plan: Plan): Sample[] {
  const file = at("dist/bench-plan.json");
  execFileSync("mkdir", ["-p", "/tmp/bench"]);
  writeFileSync(file, JSON.stringify(plan));
  return JSON.parse(execFileSync(measure, [file], { encoding: "utf8" }));
}

function show(title: string, figures: readonly Figures[]): void {
  console.log(`\n${title}`);
  console.log(
    "row                              contender    median ms   quartiles        peak MiB   ratio to reference",
  );
  for (const { row, contender, median, quartiles, peak, ratio } of figures) {
    const interval =
      ratio === undefined ? "" : `${ratio.median.toFixed(2)} (${ratio.interval.map((x) => x.toFixed(2)).join(" to ")})`;
    const spread = quartiles.map((x) => x.toFixed(1)).join(" to ");
    console.log(
      `${row.padEnd(32)} ${contender.padEnd(10)} ${median.toFixed(2).padStart(11)}   ${spread.padEnd(16)} ${peak.toFixed(0).padStart(8)}   ${interval}`,
    );
  }
}
