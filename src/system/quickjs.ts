import type { Port } from "./port.ts";

/** What quickjs/host.c puts into the global object. */
type Host = Omit<Port, "environment" | "argv" | "pid"> & {
  environment(): Uint8Array[];
  argv(): Uint8Array[];
  pid(): number;
  random(): number;
};

const { host } = globalThis as unknown as { host: Host };
let variables: Record<string, string> | undefined;

// The engine's own begins with the same seed in every process: it is part of the heap in the executable.
Math.random = host.random;

// Refusals (ENOENT, EEXIST) are in the ordinary course of things here, and to note the stack takes longer than the call itself. The bytecode has
// no lines to tell of anyhow: where a mistake is, dist/pkg says.
(Error as { stackTraceLimit?: number }).stackTraceLimit = 0;

function readVariables(): Record<string, string> {
  const entries: Record<string, string> = {};
  for (const bytes of host.environment()) {
    const entry = host.decode(bytes);
    const equals = entry.indexOf("=");
    entries[entry.slice(0, equals)] ??= entry.slice(equals + 1);
  }
  return entries;
}

export const port: Port = {
  ...host,
  get environment() {
    variables ??= readVariables();
    return variables;
  },
  get argv() {
    return host.argv().map(host.decode);
  },
  get pid() {
    return host.pid();
  },
};
