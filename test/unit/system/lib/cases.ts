// Cases for runtimes and namespaces in which tap does not run: a script prints each as a line of JSON, and runCases of
// runtimes.ts makes tests of the lines.
import { writeSync } from "node:fs";
import { errnoName, SystemError } from "../../../../src/system/errno.ts";

export interface Case {
  readonly promise: string;
  readonly got: unknown;
  readonly want: unknown;
}

/** One case: what `got` returns, or throws, is `want`. */
export function check(promise: string, got: () => unknown, want: unknown): void {
  let outcome: unknown;
  try {
    outcome = got();
  } catch (error) {
    outcome = error;
  }
  writeSync(1, `${JSON.stringify({ promise, got: outcome, want }, plain)}\n`);
}

/** A failed system call, as `want`. */
export function failure(call: string, errno: number, path: string): SystemError {
  return new SystemError(call, errno, path);
}

function plain(_key: string, value: unknown): unknown {
  if (value === undefined) return "(undefined)";
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof SystemError) return { call: value.call, errno: errnoName(value.errno), path: value.path };
  if (value instanceof Error) return { error: value.name, message: value.message };
  return value;
}
