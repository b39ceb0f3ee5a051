/** Runs programs on the host for the preparation of the machine. */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { libraryPath } from "../../build/library-path.ts";

export { libraryPath } from "../../build/library-path.ts";
export { findProgram } from "../../build/programs.ts";

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string | Buffer;
  /** The name that the program sees as its own, for those that do different things by different names. */
  name?: string;
}

export interface RunResult {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** Runs a program to its end; rejects only if it cannot be started. A program ended by a signal has the code 128. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      argv0: options.name ?? command,
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: "C", ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      resolve({ code: code ?? 128, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
    // A program that ends without reading its input is not an error of ours.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** As {@link run}, but an exit code other than 0 is an error that shows what the program printed. */
export async function must(command: string, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    const said = `${result.stderr}${result.stdout.toString()}`.trim().split("\n").slice(-20).join("\n");
    throw new Error(`${command} ${args.join(" ")}: exit code ${result.code}\n${said}`);
  }
  return result.stdout;
}

/** A program of a layer, with the libraries there. */
export function programOf(root: string, name: string): { path: string; env: NodeJS.ProcessEnv } {
  return { path: join(root, "usr/bin", name), env: { LD_LIBRARY_PATH: libraryPath(root) } };
}

/** One line on stderr, so that whoever waits knows what for. */
export function progress(line: string): void {
  process.stderr.write(`test machine: ${line}\n`);
}
