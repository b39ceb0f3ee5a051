import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t from "tap";
import { type RunResult, run } from "../../machine/process.ts";

/** A root folder that holds nothing but the libraries that some executables need. */
export interface BareRoot {
  readonly path: string;
  /** Runs a program of this machine with /proc in that root, in a mount namespace of its own. */
  run(command: readonly string[], env?: NodeJS.ProcessEnv): Promise<RunResult>;
  /** The names in a folder of the root, hidden ones as well. */
  list(folder: string): string[];
}

/** It is gone when the tests of this file are over. */
export async function makeBareRoot(...executables: readonly string[]): Promise<BareRoot> {
  const path = mkdtempSync(join(tmpdir(), "bare-root-"));
  t.teardown(() => rmSync(path, { recursive: true }));
  mkdirSync(join(path, "proc"));
  for (const library of (await Promise.all(executables.map(librariesOf))).flat()) {
    mkdirSync(dirname(join(path, library)), { recursive: true });
    copyFileSync(library, join(path, library));
  }
  return {
    path,
    run: (command, env = {}) =>
      run("unshare", [...unshared, 'mount -t proc proc "$0/proc"; exec "$@"', path, ...command], { env }),
    list: (folder) => readdirSync(join(path, folder)).sort(),
  };
}

const unshared = ["--mount", "--propagation", "private", "sh", "-ec"];

/** Why there can be no bare root here, for a test's `skip`. */
export async function obstacle(): Promise<string | false> {
  if (process.getuid?.() !== 0) return "needs root";
  const { code, stderr } = await run("unshare", [...unshared, "mount -t proc proc /proc"]);
  return code === 0 ? false : `no mount namespaces here: ${stderr.trim()}`;
}

/** The files that the loader maps for an executable, the loader among them; of a static one there are none. */
async function librariesOf(executable: string): Promise<string[]> {
  const { code, stdout, stderr } = await run("ldd", [executable]);
  if (code !== 0 && !stderr.includes("not a dynamic executable")) throw new Error(`ldd ${executable}: ${stderr}`);
  return stdout
    .toString()
    .split("\n")
    .flatMap((line) => /(?:=> |^\t)(\/\S+)/.exec(line)?.[1] ?? []);
}
