// Plays generated inputs in sandboxes, as many at once as there are processors.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { libraryPath } from "../../../build/library-path.ts";
import { at, root } from "../../../build/paths.ts";
import { findProgram } from "../../../build/programs.ts";
import { runTool } from "../../../build/run-tool.ts";
import { hostArch } from "../../../build/runtimes.ts";
import { staticToolchain } from "../../../build/toolchain.ts";
import { layer } from "../../machine/packages.ts";
import type { Limits } from "./judge.ts";

export const executables = ["native", "pkg"] as const;
export type Executable = (typeof executables)[number];

/** Node takes some 45 MiB for itself, and many times a large input's size. */
const limits: Readonly<Record<Executable, Limits>> = {
  native: { seconds: 2, secondsForLarge: 5, mebibytes: 200 },
  pkg: { seconds: 2, secondsForLarge: 5, mebibytes: 600 },
};

export interface Range {
  readonly seed: number;
  /** The number of the first input. */
  readonly from: number;
  readonly count: number;
}

export interface Finding {
  readonly number: number;
  readonly faults: readonly string[];
  /** The first call, and what was there before it. */
  readonly input: string;
}

/** Why no sandbox can be made here, if so. */
export const lackOfSandbox = (): string | undefined =>
  process.getuid?.() === 0 ? undefined : "namespaces and mounts need root";

/** @returns the inputs whose answers are not what they should be, and how many calls ended in which way */
export async function fuzz(
  executable: Executable,
  { seed, from, count }: Range,
  onFinding: (finding: Finding) => void = () => {},
): Promise<{ findings: Finding[]; outcomes: ReadonlyMap<string, number> }> {
  const caller = await buildCaller();
  const ip = await findIp();
  const findings: Finding[] = [];
  const outcomes = new Map<string, number>();
  const workers = Math.min(availableParallelism(), count);
  const work = async (worker: number): Promise<void> => {
    const part = { seed, from: from + worker, to: from + count, step: workers };
    const [program, ...words] = playerCommand({ caller, ip }, executable, part);
    const environment = { ...process.env, FUZZ_PROJECT: root };
    const child = spawn(program as string, words, { stdio: ["ignore", "pipe", "inherit"], env: environment });
    const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve(code ?? signal)));
    for await (const line of createInterface(child.stdout)) {
      const said = readLine(line);
      if (isFinding(said)) {
        findings.push(said);
        onFinding(said);
      } else {
        for (const [kind, count] of Object.entries(said)) outcomes.set(kind, (outcomes.get(kind) ?? 0) + count);
      }
    }
    const end = await ended;
    if (end !== 0) throw new Error(`the player of ${JSON.stringify(part)} ended with ${end}`);
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  return { findings: findings.sort((a, b) => a.number - b.number), outcomes };
}

/** What the player plays: each `step`th of the inputs. */
interface Part {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/**
 * The words that start a player in its sandbox. FUZZ_PROJECT must be in its environment: the checkout.
 * @param slowness of the processor: how many times longer than usual calls may take
 */
export function playerCommand(
  { caller, ip, slowness = 1 }: { readonly caller: string; readonly ip: string; readonly slowness?: number },
  executable: Executable,
  { seed, from, to, step }: Part,
): readonly string[] {
  const alone = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const player = [process.execPath, "--disable-warning=ExperimentalWarning", at("test/fuzz/lib/player.ts")];
  const words = [caller, at(`dist/${executable}/ipvlan`), JSON.stringify(slower(limits[executable], slowness))];
  const sandbox = ["sh", at("test/fuzz/lib/sandbox.sh"), root, ip];
  return ["unshare", ...alone, ...sandbox, ...player, ...words, ...[seed, from, to, step].map(String)];
}

const slower = ({ seconds, secondsForLarge, mebibytes }: Limits, times: number): Limits => ({
  seconds: seconds * times,
  secondsForLarge: secondsForLarge * times,
  mebibytes,
});

const isFinding = (said: Finding | Readonly<Record<string, number>>): said is Finding => Array.isArray(said.faults);

/** A line that a player prints: a finding, or at its end how many calls ended in which way. */
export function readLine(line: string): Finding | Readonly<Record<string, number>> {
  const { number, faults, outcomes, ...input } = JSON.parse(line);
  return number === undefined ? outcomes : { number, faults, input: JSON.stringify(input) };
}

/** caller.c in the checkout's dist, so that it is there in the sandbox as well. */
export async function buildCaller(): Promise<string> {
  const output = at("dist/tests/caller");
  mkdirSync(at("dist/tests"), { recursive: true });
  const { compiler, link } = await staticToolchain(hostArch);
  const [program, ...words] = [...compiler, ...link.before, "-O2", "-Wall", "-Wextra", "-Werror"];
  await runTool(program as string, [...words, "-o", output, at("test/fuzz/lib/caller.c"), ...link.after]);
  return output;
}

/** The words that run iproute2's ip. */
async function findIp(): Promise<string> {
  const own = findProgram("ip");
  if (own !== undefined) return own;
  const base = await layer("base");
  return `env LD_LIBRARY_PATH=${libraryPath(base)} ${join(base, "usr/sbin/ip")}`;
}

/** The command that plays one input again. */
export const commandFor = (executable: Executable, seed: number, number: number): string =>
  `npm run fuzz -- --executable ${executable} --seed ${seed} --from ${number} --inputs 1`;
