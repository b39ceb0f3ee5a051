import { spawn } from "node:child_process";
import { once } from "node:events";
import { relative, sep } from "node:path";
import { performance } from "node:perf_hooks";
import { root } from "../../build/paths.ts";
import { Tally } from "./tally.ts";
import { readTap } from "./tap-tree.ts";

export interface FileOutcome {
  tally: Tally;
  seconds: number;
  /** What the file printed beside its tests' results. */
  output: string;
}

/** Process groups that run now, for whoever must end them. */
const running = new Set<number>();

export function killRunning(): void {
  for (const group of running) killGroup(group);
}

/** The file's name in the output: `unit/netlink/message`. */
export const nameOf = (file: string): string => relative(`${root}${sep}test`, file).replace(/\.test\.ts$/, "");

/**
 * Runs a test file and counts its tests under `name`. The file fails as a whole if it reports no test, ends badly although its tests
 * passed, or takes longer than `limit` seconds.
 */
export async function runTestFile(
  name: string,
  file: string,
  env: NodeJS.ProcessEnv,
  limit: number,
): Promise<FileOutcome> {
  const started = performance.now();
  const output: string[] = [];
  const tap = readTap((line) => output.push(line));

  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    cwd: root,
    // A group of its own: what a test leaves running ends with it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    // tap's own limit comes first and names the test that hangs.
    env: { ...process.env, ...env, TAP_TIMEOUT: String(limit) },
  });
  const group = child.pid as number;
  running.add(group);
  child.stdout.setEncoding("utf8").on("data", (text: string) => tap.write(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => output.push(text));

  let end = "";
  const timer = setTimeout(
    () => {
      end = `still running after ${limit} seconds`;
      killGroup(group);
    },
    (limit + 2) * 1000,
  );
  child.on("exit", (code, signal) => {
    if (end === "" && code !== 0) end = signal === null ? `exit code ${code}` : `killed by ${signal}`;
    killGroup(group);
  });
  await once(child, "close");
  clearTimeout(timer);
  running.delete(group);

  const problems = [end, ...tap.end()].filter(Boolean);
  const tally = new Tally();
  tally.addPoints(tap.points, [name]);
  if (tally.count === 0) tally.fail(name, ["reports no test", ...problems].join("; "));
  else if (tally.failures.length === 0 && problems.length > 0) tally.fail(name, problems.join("; "));
  // tap's own exit code says no more than its failures do.
  else output.push(...problems.filter((problem) => !problem.startsWith("exit code")));
  return { tally, seconds: (performance.now() - started) / 1000, output: output.join("") };
}

function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch {
    // It has ended.
  }
}
