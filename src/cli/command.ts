import type { Arguments } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

/** One call from a terminal. */
export interface Context {
  readonly arguments: Arguments;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
}

/** All is well, or what was asked for was done. */
export const FINE = 0;
/** It was done, and something was found that is not as it should be. */
export const FOUND = 1;
/** It could not be done. */
export const FAILED = 2;

/** @returns the exit code, one of the above */
export type Run = (context: Context) => number;
