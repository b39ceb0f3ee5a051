import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { Test } from "tap";
import { at } from "../../../../build/paths.ts";
import type { Case } from "./cases.ts";

/** What runs the TypeScript of src/ with the adapter that is made for it. */
export interface Runtime {
  readonly name: string;
  /** Program and first arguments; the script's name is the next. */
  readonly command: readonly string[];
  /** Where the scripts are; in the native executables they are by their names. */
  readonly folder: string | undefined;
}

/** The native ones are made by `build/build.ts`: see native/scripts.ts. */
export const runtimes: readonly Runtime[] = [
  { name: "Node", command: [process.execPath, "--disable-warning=ExperimentalWarning"], folder: import.meta.dirname },
  { name: "QuickJS", command: [at("dist/tests/native")], folder: undefined },
  { name: "QuickJS with sanitizers", command: [at("dist/tests/sanitized")], folder: undefined },
];

/** The command line of a script in this folder. */
export function commandOf({ command, folder }: Runtime, script: string, args: readonly string[]): string[] {
  return [...command, folder === undefined ? basename(script) : resolve(folder, script), ...args];
}

/** A folder that is gone when the test has ended. @param inMemory on a tmpfs where there is one: much is written */
export function temporaryFolder(t: Test, inMemory = false): string {
  const parent = inMemory && existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const folder = mkdtempSync(join(parent, "ipvlan-cni-test-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Why no network namespace can be made here, if so. */
export function lackOfNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const { status } = spawnSync("unshare", ["--net", "true"]);
  return status === 0 ? undefined : "unshare --net fails here";
}

/**
 * Makes tests of every case of the script (see cases.ts) under every runtime.
 * @param wrapper a command that runs the runtime
 * @param status of the script's end
 */
export async function runCases(
  t: Test,
  script: string,
  args: (runtime: Runtime) => readonly string[],
  { wrapper = [], status = 0 }: { wrapper?: readonly string[]; status?: number } = {},
): Promise<void> {
  const runs = runtimes.map(async (runtime) => {
    const [program, ...rest] = [...wrapper, ...commandOf(runtime, script, args(runtime))];
    const child = spawn(program as string, rest, { stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve(code ?? signal)));
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { name: runtime.name, output, errors, end: await ended };
  });
  for (const { name, output, errors, end } of await Promise.all(runs)) {
    t.test(`under ${name}`, (t) => {
      const cases = output.split("\n").filter(Boolean);
      for (const line of cases) {
        const { promise, got, want } = JSON.parse(line) as Case;
        t.strictSame(got, want, promise);
      }
      t.ok(cases.length > 0, "there are cases");
      t.equal(end, status, `the script ends with ${status}`, { stderr: errors });
      t.end();
    });
  }
}
