import { dlopen, getInt32 } from "node:ffi";
import { libcNames, signatures } from "./libc.ts";
import type { Port, RunOptions, RunOutcome } from "./port.ts";

const types = { i: "int32", u: "uint32", z: "uint64", p: "buffer" } as const;

type Call = (...args: (number | bigint | Uint8Array)[]) => number;

function load(): Record<string, Call> {
  const definitions: Record<string, { arguments: string[]; return: string }> = {};
  for (const [name, args] of Object.entries(signatures)) {
    definitions[name] = { arguments: args.map((arg) => types[arg]), return: "int32" };
  }
  definitions.__errno_location = { arguments: [], return: "pointer" };
  definitions._exit = { arguments: ["int32"], return: "void" };
  let failure: unknown;
  for (const library of libcNames(process.arch)) {
    try {
      return dlopen(library, definitions as never).functions as never;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

const functions = load();
const errnoLocation = functions.__errno_location as unknown as () => bigint;

function negated(name: keyof typeof signatures): Call {
  const call = functions[name] as Call;
  const sizeAt = (signatures[name] as readonly string[]).indexOf("z");
  return (...args) => {
    // node:ffi takes 64-bit arguments as BigInt only; no function here has more than one.
    if (sizeAt >= 0) args[sizeAt] = BigInt(args[sizeAt] as number);
    const result = call(...args);
    return result === -1 ? -getInt32(errnoLocation()) : result;
  };
}

function run(file: string, options: RunOptions): RunOutcome {
  // Loaded when it is needed: with what it brings along it takes 3 ms.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const child = spawnSync(file, [], {
    env: options.environment,
    input: options.stdin,
    stdio: ["pipe", options.stdout, options.stderr],
    timeout: options.timeoutMs,
    killSignal: "SIGKILL",
  });
  const status = child.status ?? undefined;
  const failure = (child.error as NodeJS.ErrnoException | undefined)?.code ?? child.signal ?? undefined;
  // A program that ended by itself without reading all of its stdin (EPIPE) did not fail.
  return { status, failure: status === undefined ? failure : undefined };
}

const calls: Record<string, Call> = {};
for (const name of Object.keys(signatures)) calls[name] = negated(name as keyof typeof signatures);

export const port = {
  ...calls,
  exit: functions._exit as never,
  environment: process.env,
  argv: process.argv.slice(2),
  run,
} as unknown as Port;
