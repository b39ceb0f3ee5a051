/** Processes that do not outlive this one. */

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

/**
 * Starts a program that the kernel kills when this process dies, however it dies.
 *
 * The child does not keep this process from ending, and is no part of its terminal's foreground: a Ctrl-C is for the
 * tests, which then end and take the child with them.
 */
export function spawnBound(command: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], { ...options, detached: true });
  child.unref();
  return child;
}

/** True also for a child that could not be started. */
export function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** Kills a child, only this one, and waits until it is gone. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.ref();
    child.kill("SIGKILL");
    await gone;
  }
}
