// The plugin's port with a clock: at its end the process writes on standard error, as JSON, when it called what. In place of
// src/system/bun.ts in an executable of the bench's own (build condition "timed").
import { port as real } from "../../src/system/bun.ts";
import type { Port } from "../../src/system/port.ts";
import { decode, encode } from "../../src/system/text.ts";

/** A call, in nanoseconds since the process's runtime began. */
export interface TimedCall {
  /** The function, and the path where it has one. */
  readonly call: string;
  readonly begin: number;
  readonly end: number;
}

const calls: TimedCall[] = [{ call: "start of the runtime and of its FFI", begin: 0, end: Bun.nanoseconds() }];

function timed(name: string, call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return (...args) => {
    const begin = Bun.nanoseconds();
    const result = call(...args);
    const end = Bun.nanoseconds();
    const path = args.find((argument) => argument instanceof Uint8Array && argument[0] === 0x2f);
    calls.push({ call: path === undefined ? name : `${name} ${decode(path as Uint8Array).slice(0, -1)}`, begin, end });
    return result;
  };
}

function exit(code: number): never {
  calls.push({ call: "exit", begin: Bun.nanoseconds(), end: Bun.nanoseconds() });
  const text = encode(JSON.stringify(calls));
  real.write(2, text, text.length);
  return real.exit(code);
}

export const port = Object.fromEntries(
  Object.entries(real).map(([name, value]) => [
    name,
    name === "exit" ? exit : typeof value === "function" && name !== "run" ? timed(name, value as never) : value,
  ]),
) as unknown as Port;
