import { dlopen, read } from "bun:ffi";
import { libcNames, signatures } from "./libc.ts";
import type { Port, RunOptions, RunOutcome } from "./port.ts";

const types = { i: "i32", u: "u32", z: "usize", p: "ptr" } as const;

type Call = (...args: (number | Uint8Array)[]) => number;

function load(): Record<string, Call> {
  const definitions: Record<string, { args: readonly string[]; returns: string }> = {};
  for (const [name, args] of Object.entries(signatures)) {
    definitions[name] = { args: args.map((arg) => types[arg]), returns: "i32" };
  }
  definitions.__errno_location = { args: [], returns: "ptr" };
  definitions._exit = { args: ["i32"], returns: "void" };
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

const functions = load();
const errnoLocation = functions.__errno_location as unknown as () => Parameters<typeof read.i32>[0];

function negated(name: string): Call {
  const call = functions[name] as Call;
  return (...args) => {
    const result = call(...args);
    return result === -1 ? -read.i32(errnoLocation(), 0) : result;
  };
}

function run(file: string, options: RunOptions): RunOutcome {
  try {
    const child = Bun.spawnSync([file], {
      env: options.environment,
      stdin: new TextEncoder().encode(options.stdin),
      stdout: "pipe",
      stderr: "pipe",
      timeout: options.timeoutMs,
      killSignal: "SIGKILL",
    });
    const failure = child.exitedDueToTimeout ? "ETIMEDOUT" : child.signalCode;
    return {
      status: failure ? undefined : child.exitCode,
      stdout: child.stdout.toString(),
      stderr: child.stderr.toString(),
      failure: failure === undefined || failure === null ? undefined : String(failure),
    };
  } catch (error) {
    return { status: undefined, stdout: "", stderr: "", failure: (error as { code?: string }).code ?? String(error) };
  }
}

const calls: Record<string, Call> = {};
for (const name of Object.keys(signatures)) calls[name] = negated(name);

export const port = {
  ...calls,
  exit: functions._exit as never,
  environment: process.env,
  argv: process.argv.slice(2),
  run,
} as unknown as Port;
