import "./array-methods.ts";
import { libcNames, signatures } from "./libc.ts";
import type { Port, RunOptions, RunOutcome } from "./port.ts";

// The native functions that the module bun:ffi wraps: to load that module takes 0.2 ms of a process of 5.
const { dlopen, read } = (Bun as unknown as { FFI: typeof import("bun:ffi") }).FFI;

const types = { i: "i32", u: "u32", z: "usize", p: "ptr" } as const;

type Argument = number | Uint8Array;
type Call = (a?: Argument, b?: Argument, c?: Argument, d?: Argument, e?: Argument, f?: Argument) => number;

function bind(library: string, name: string, args: readonly string[], returns: string): Call {
  const { symbols } = dlopen(library, { [name]: { args, returns } } as never);
  return (symbols as Record<string, Call>)[name] as Call;
}

/** The C library by the name that this system knows, and the place of errno in it. */
function openLibc(): { library: string; errnoLocation: () => Parameters<typeof read.i32>[0] } {
  let failure: unknown;
  for (const library of libcNames(process.arch)) {
    try {
      return { library, errnoLocation: bind(library, "__errno_location", [], "ptr") as never };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

const { library, errnoLocation } = openLibc();

/** A function that is looked up at its first call: an old C library may lack one that this call does not need. */
function late(name: keyof typeof signatures): Call {
  let call: Call | undefined;
  // A list of arguments would be made anew at every call; a function passes over those that it does not take.
  return (a, b, c, d, e, f) => {
    call ??= bind(
      library,
      name,
      signatures[name].map((argument) => types[argument]),
      "i32",
    );
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
  exit: (code: number) => bind(library, "_exit", ["i32"], "void")(code),
  environment: process.env,
  argv: process.argv.slice(2),
  run,
};
for (const name of Object.keys(signatures) as (keyof typeof signatures)[]) calls[name] = late(name);

export const port = calls as unknown as Port;
