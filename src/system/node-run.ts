import { environment } from "./node-environment.ts";
import { type Call, functions, negated } from "./node-libc.ts";
import { type Port, SIGNALLED } from "./port.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The name under which this executable starts itself to become another program, see {@link becomeProgram}. */
const BECOMING = "ipvlan: about to become another program";
/** In such a process: where it writes the errno, if it cannot. */
const FAILURE = 3;

/**
 * Becomes the program that is the first argument, and then ends with the process that is the second. Node's own way to start a program
 * cannot ask for that end (prctl(2), PR_SET_PDEATHSIG, which holds through execve(2)).
 */
function becomeProgram(): never {
  const PR_SET_PDEATHSIG = 1;
  const [SIGKILL, LAST_SIGNAL] = [9, 31];
  const [path = "", parent] = process.argv.slice(2);
  const exit = functions._exit as unknown as (code: number) => never;
  const { writeSync } = process.getBuiltinModule("node:fs");
  try {
    (functions.prctl as Call)(PR_SET_PDEATHSIG, BigInt(SIGKILL), 0n, 0n, 0n);
    // It may have ended before.
    if (String(process.ppid) !== parent) exit(1);
    for (let signal = 1; signal <= LAST_SIGNAL; signal++) (functions.signal as Call)(signal, 0n);
    keepFiles();
    process.execve?.(path, [path], environment);
  } catch (error) {
    writeSync(FAILURE, String((error as NodeJS.ErrnoException).errno));
  }
  return exit(1);
}

/** Descriptors of whoever called us are not passed on to the programs that we run. */
function keepFiles(): void {
  const F_SETFD = 2;
  const FD_CLOEXEC = 1;
  const { readdirSync } = process.getBuiltinModule("node:fs");
  for (const name of readdirSync("/proc/self/fd")) {
    if (Number(name) > 2) (functions.fcntl as Call)(Number(name), F_SETFD, FD_CLOEXEC);
  }
}

export const run: Port["run"] = (path, environment, stdin, stdout, stderr, timeoutMs) => {
  // Loaded when they are needed: with what child_process brings along it takes 3 ms.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const { constants } = process.getBuiltinModule("node:os");
  const texts = decoder.decode(environment).split("\0").slice(0, -1);
  const program = decoder.decode(path).slice(0, -1);
  const options = {
    env: Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)])),
    stdio: [stdin, stdout, stderr],
    // 0 would be for ever.
    timeout: Math.max(1, timeoutMs),
    killSignal: "SIGKILL" as const,
    // A group of its own: what it has started ends with it when the time is over.
    ...({ detached: true } as object),
  };
  keepFiles();
  let failure = -1;
  let child: ReturnType<typeof spawnSync>;
  if (process.getBuiltinModule("node:sea").isSea()) {
    failure = negated("memfd_create")(encoder.encode("failure\0"), 1);
    if (failure < 0) return failure;
    const words = [program, String(process.pid)];
    child = spawnSync("/proc/self/exe", words, { ...options, argv0: BECOMING, stdio: [...options.stdio, failure] });
  } else {
    // A Node that runs the sources, for tests.
    child = spawnSync(program, [], options);
  }
  const errno = (child.error as NodeJS.ErrnoException | undefined)?.errno ?? failureOf(failure);
  if (errno !== undefined) {
    try {
      if (errno === -constants.errno.ETIMEDOUT) process.kill(-child.pid, "SIGKILL");
    } catch {
      // The group has ended.
    }
    return errno;
  }
  return child.status ?? SIGNALLED + constants.signals[child.signal as NodeJS.Signals];
};

/** The negated errno that {@link becomeProgram} wrote, if it did. */
function failureOf(file: number): number | undefined {
  if (file < 0) return undefined;
  const { readFileSync, closeSync } = process.getBuiltinModule("node:fs");
  const text = readFileSync(`/proc/self/fd/${file}`, "utf8");
  closeSync(file);
  return text === "" ? undefined : -Number(text);
}

if (process.argv0 === BECOMING) becomeProgram();
