import "./array-methods.ts";
import { libcNames, signatures } from "./libc.ts";
import type { Port, RunOptions, RunOutcome } from "./port.ts";

// The native functions that the module bun:ffi wraps: to load that module takes 0.2 ms of a process of 5.
const { dlopen, read } = (Bun as unknown as { FFI: typeof import("bun:ffi") }).FFI;

const types = { i: "i32", u: "u32", z: "usize", p: "ptr" } as const;

type Argument = number | Uint8Array;
type Call = (a?: Argument, b?: Argument, c?: Argument, d?: Argument, e?: Argument, f?: Argument) => number;

/** All functions at once, 0.1 ms: those that a call needs, bound one by one, take as long. */
function load(): Record<string, Call> {
  const definitions: Record<string, { args: readonly string[]; returns: string }> = {
    __errno_location: { args: [], returns: "ptr" },
    _exit: { args: ["i32"], returns: "void" },
  };
  for (const name of names) {
    definitions[name] = { args: signatures[name].map((argument) => types[argument]), returns: "i32" };
  }
  let failure: unknown;
  for (const library of libcNames(process.arch)) {
    try {
      return dlopen(library, definitions as never).symbols as never;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

const names = Object.keys(signatures) as (keyof typeof signatures)[];
const functions = load();
const errnoLocation = functions.__errno_location as unknown as () => Parameters<typeof read.i32>[0];

function negated(call: Call): Call {
  // A list of arguments would be made anew at every call; a function passes over those that it does not take.
  return (a, b, c, d, e, f) => {
    const result = call(a, b, c, d, e, f);
    return result === -1 ? -read.i32(errnoLocation(), 0) : result;
  };
}

function run(file: string, options: RunOptions): RunOutcome {
  try {
    const child = Bun.spawnSync([file], {
      env: options.environment,
      stdin: new TextEncoder().encode(options.stdin),
      stdout: options.stdout,
      stderr: options.stderr,
      timeout: options.timeoutMs,
      killSignal: "SIGKILL",
    });
    const failure = child.exitedDueToTimeout ? "ETIMEDOUT" : child.signalCode;
    return {
      status: failure ? undefined : child.exitCode,
      failure: failure === undefined || failure === null ? undefined : String(failure),
    };
  } catch (error) {
    return { status: undefined, failure: (error as { code?: string }).code ?? String(error) };
  }
}

const calls: Record<string, unknown> = {
  exit: functions._exit,
  environment: process.env,
  argv: process.argv.slice(2),
  run,
};
for (const name of names) calls[name] = negated(functions[name] as Call);

export const port = calls as unknown as Port;
