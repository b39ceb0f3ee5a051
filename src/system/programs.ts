import { port } from "#system";
import { check, errnoName } from "./errno.ts";
import { fileStatus, readAll, writeAll } from "./files.ts";
import { SIGNALLED } from "./port.ts";
import { signalName } from "./signals.ts";
import { cstring, decode, encode } from "./text.ts";

const MFD_CLOEXEC = 1;
const SEEK_SET = 0;

export interface ProgramInput {
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string;
  /** The program is ended after this time, with all that it has started in its process group. */
  readonly timeoutMs: number;
}

export interface ProgramOutcome {
  /** Undefined when it could not be started or was ended by a signal. */
  readonly status: number | undefined;
  /** Why there is no status: an errno name such as ENOENT, ETIMEDOUT, or the name of a signal. */
  readonly failure: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program of this name as libcni finds it: the first regular file of the folders. */
export function findProgram(folders: readonly string[], name: string): string | undefined {
  return folders.map((folder) => `${folder}/${name}`).find((file) => fileStatus(file)?.isFolder === false);
}

/** {@link runProgram}; of one that is just being written ("text file busy") again in a moment, as libcni. */
export function runInstalled(file: string, input: ProgramInput): ProgramOutcome {
  let outcome = runProgram(file, input);
  for (let again = 0; outcome.failure === "ETXTBSY" && again < 5; again++) {
    port.poll(new Uint8Array(0), 0, 500);
    outcome = runProgram(file, input);
  }
  return outcome;
}

/**
 * Runs a program to its end. What it reads and writes are files in memory: the end of a pipe would not come as long as a program
 * that it leaves in the background holds the pipe open.
 */
export function runProgram(file: string, { environment, stdin, timeoutMs }: ProgramInput): ProgramOutcome {
  const files: number[] = [];
  try {
    for (const name of ["stdin", "stdout", "stderr"]) files.push(memoryFile(name));
    const [input, output, errors] = files as [number, number, number];
    writeAll(input, encode(stdin), "stdin");
    rewind(input);
    const variables = Object.entries(environment).filter((entry) => !entry.join("").includes("\0"));
    const block = encode(variables.map(([name, value]) => `${name}=${value}\0`).join(""));
    const result = port.run(cstring(file), block, input, output, errors, timeoutMs);
    return { ...outcomeOf(result), stdout: textOf(output), stderr: textOf(errors) };
  } finally {
    for (const fd of files) port.close(fd);
  }
}

function outcomeOf(result: number): Pick<ProgramOutcome, "status" | "failure"> {
  if (result < 0) return { status: undefined, failure: errnoName(-result) };
  if (result >= SIGNALLED) return { status: undefined, failure: signalName(result - SIGNALLED) };
  return { status: result, failure: undefined };
}

function memoryFile(name: string): number {
  return check(port.memfd_create(cstring(name), MFD_CLOEXEC), "memfd_create", name);
}

function rewind(file: number): void {
  check(port.lseek(file, 0, SEEK_SET), "lseek", "memory file");
}

function textOf(file: number): string {
  rewind(file);
  return decode(readAll(file, "output"));
}
