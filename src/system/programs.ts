import { port } from "#system";
import { check } from "./errno.ts";
import { readAll } from "./files.ts";
import type { RunOptions, RunOutcome } from "./port.ts";
import { cstring, decode } from "./text.ts";

const MFD_CLOEXEC = 1;
const SEEK_SET = 0;

export interface ProgramOutcome extends RunOutcome {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end. What it writes goes to files in memory: the end of a pipe would not come as long as a program that
 * it leaves in the background holds the pipe open.
 */
export function runProgram(file: string, options: Omit<RunOptions, "stdout" | "stderr">): ProgramOutcome {
  const [stdout, stderr] = [memoryFile("stdout"), memoryFile("stderr")];
  const outcome = port.run(file, { ...options, stdout, stderr });
  const texts = { stdout: textOf(stdout), stderr: textOf(stderr) };
  port.close(stdout);
  port.close(stderr);
  return { ...outcome, ...texts };
}

function memoryFile(name: string): number {
  return check(port.memfd_create(cstring(name), MFD_CLOEXEC), "memfd_create", name);
}

function textOf(file: number): string {
  check(port.lseek(file, 0, SEEK_SET), "lseek", "output");
  return decode(readAll(file, "output"));
}
