// Counts the system calls that the port makes.
import { port } from "#system";
import type { Port } from "../../../../src/system/port.ts";

type Calls = Partial<Record<keyof Port, number>>;

/** What `work` does, as names of libc's functions and how often each was called. */
export function countCalls(work: () => void): Calls & { readonly total: number } {
  const calls: Record<string, number> = {};
  const functions = port as unknown as Record<string, unknown>;
  const kept = { ...functions };
  for (const [name, original] of Object.entries(kept)) {
    if (typeof original !== "function" || name === "encode" || name === "decode") continue;
    functions[name] = (...args: unknown[]) => {
      calls[name] = (calls[name] ?? 0) + 1;
      return original(...args);
    };
  }
  try {
    work();
  } finally {
    Object.assign(functions, kept);
  }
  return { ...calls, total: Object.values(calls).reduce((sum, count) => sum + count, 0) };
}
