/** Where the time of ADD and DEL goes: an executable that notes when it makes which system call (timed-port.ts). */
import { join } from "node:path";
import { buildNativeExecutable } from "../../build/native-executable.ts";
import { hostArch } from "../../build/runtimes.ts";
import { createLab } from "../kernel/lib/lab.ts";
import type { TestHost } from "../machine/host.ts";
import { type Command, inShell, kernelSeries, kernelSetUp, type Programs } from "./plan.ts";
import { estimate } from "./statistics.ts";
import type { TimedCall } from "./timed-port.ts";

const WARM_UPS = 3;
const RUNS = 21;

/** In the test machine. @param only what the series' title has in it; "": the first one. @returns Markdown */
export async function measurePhases(
  machine: TestHost,
  programs: Programs,
  work: string,
  only: string,
): Promise<string> {
  const native = join(work, "timed");
  await buildNativeExecutable(native, hostArch, { version: "0", commit: "none" }, { conditions: ["timed"] });
  const lab = await createLab(machine);
  const there = kernelSetUp({ ...programs, native });
  const series = kernelSeries(there.programs, "all").find(({ title }) => title.includes(only));
  const [add, del] = series?.contenders.find(({ name }) => name === "native")?.steps ?? [];
  if (series === undefined || add === undefined || del === undefined) throw new Error("the plan has no ADD and DEL");
  const times = [...Array(WARM_UPS + RUNS).keys()];
  const script = times.map((i) => [add, del].map(({ commands }, step) => logged(commands, `${step}.${i}`)).join("\n"));
  await lab.ok(`host h1; ${there.script}
cat > /tmp/bench/script <<'END'
${series.before}
END
on h1 sh -e /tmp/bench/script`);
  await lab.ok(
    `mkdir /tmp/phases; cat > /tmp/phases/run <<'END'\n${script.join("\n")}\nEND\non h1 sh -e /tmp/phases/run`,
    {
      timeoutMs: 300_000,
    },
  );
  const parts = ["ADD", "DEL"].map(async (title, step) => {
    const files = times.slice(WARM_UPS).map((i) => `/tmp/phases/${step}.${i}`);
    const runs = (await lab.ok(`for file in ${files.join(" ")}; do cat $file; echo; done`)).trim().split("\n");
    return `### ${title}\n\n${table(phasesOf(runs.map((text) => JSON.parse(text) as TimedCall[])))}\n`;
  });
  return (await Promise.all(parts)).join("\n");
}

function logged(commands: readonly Command[], name: string): string {
  return commands.map((one) => inShell(one, `> /dev/null 2> /tmp/phases/${name}`)).join("\n");
}

interface Phase {
  /** The system call that ends it. */
  readonly call: string;
  /** Microseconds of the program's own before the call, and within it. */
  readonly before: number;
  readonly within: number;
}

/** The median of each phase. Runs that made other calls than most are left out. */
function phasesOf(runs: readonly (readonly TimedCall[])[]): Phase[] {
  const kinds = [...Map.groupBy(runs, (run) => run.map(({ call }) => kindOf(call)).join("\n")).values()];
  const alike = kinds.toSorted((a, b) => b.length - a.length)[0] ?? [];
  return (alike[0] ?? []).map(({ call }, index) => ({
    call: kindOf(call),
    before: estimate(alike.map((run) => ((run[index]?.begin ?? 0) - (run[index - 1]?.end ?? 0)) / 1000)).median,
    within: estimate(alike.map((run) => ((run[index]?.end ?? 0) - (run[index]?.begin ?? 0)) / 1000)).median,
  }));
}

/** Without the address, which differs from run to run. */
function kindOf(call: string): string {
  return call.replace(/\d+\.\d+\.\d+\.\d+/, "ADDRESS");
}

function table(phases: readonly Phase[]): string {
  const lines = phases.map(
    ({ call, before, within }) => `| ${before.toFixed(0)} | \`${call}\` | ${within.toFixed(0)} |`,
  );
  const sum = (of: (phase: Phase) => number): string => phases.reduce((all, one) => all + of(one), 0).toFixed(0);
  return [
    "| own work before, µs | system call | within it, µs |",
    "|--:|---|--:|",
    ...lines,
    `| ${sum(({ before }) => before)} | in all | ${sum(({ within }) => within)} |`,
  ].join("\n");
}
