// The plugin's port with a clock: at its end the process writes on standard error, as JSON, when it called what. In place of
// src/system/quickjs.ts in an executable of the bench's own (build condition "timed").
import type { Port } from "../../src/system/port.ts";
import { port as real } from "../../src/system/quickjs.ts";

/** A call, in nanoseconds since the first one. */
export interface TimedCall {
  /** The function, and the path where it has one. */
  readonly call: string;
  readonly begin: number;
  readonly end: number;
}

const calls: TimedCall[] = [];
/** QuickJS counts from when its context was made, by the build; differences are right. */
const now = (): number => performance.now() * 1e6;

function timed(name: string, call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return (...args) => {
    const begin = now();
    const result = call(...args);
    const end = now();
    const path = args.find((argument) => argument instanceof Uint8Array && argument[0] === 0x2f);
    const subject = path === undefined ? "" : ` ${real.decode(path as Uint8Array).slice(0, -1)}`;
    calls.push({ call: name + subject, begin, end });
    return result;
  };
}

function exit(code: number): never {
  calls.push({ call: "exit", begin: now(), end: now() });
  const text = real.encode(JSON.stringify(calls));
  real.write(2, text, text.length);
  return real.exit(code);
}

const untimed = ["encode", "decode", "run"];

export const port = {
  // Not the getters: this is evaluated when the executable is built, and they tell of the process.
  ...Object.fromEntries(
    Object.entries(Object.getOwnPropertyDescriptors(real)).flatMap(([name, { value }]) =>
      value === undefined
        ? []
        : [[name, typeof value === "function" && !untimed.includes(name) ? timed(name, value) : value]],
    ),
  ),
  exit,
  start(main: () => void, lastWords: Uint8Array) {
    const begun = () => {
      calls.push({ call: "start", begin: now(), end: now() });
      main();
    };
    real.start(begun, lastWords);
  },
  get environment() {
    return real.environment;
  },
  get argv() {
    return real.argv;
  },
  get pid() {
    return real.pid;
  },
} as unknown as Port;
