import { spawnSync } from "node:child_process";
import { executables as all } from "../../../executable/lib/plugin.ts";

/** Those that a person calls. */
export const executables = all.filter(({ name }) => name === "native" || name === "pkg");

export interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Calls the command line with nothing in the environment but what is given. */
export function cli(path: string, words: readonly string[], options: CallOptions = {}): Said {
  const { stdin = "", environment = {}, cwd } = options;
  const child = spawnSync(path, words, {
    env: environment,
    input: stdin,
    encoding: "utf8",
    timeout: 20_000,
    maxBuffer: 64 << 20,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (child.error !== undefined) throw child.error;
  const { status: code, stdout, stderr } = child;
  return { code, stdout, stderr };
}

/** The documents of a text with one JSON object behind another, each beginning in the first column. */
// biome-ignore lint/suspicious/noExplicitAny: configurations
export function documents(text: string): any[] {
  return text
    .split(/(?<=^\})\n/m)
    .filter((one) => one.trim() !== "")
    .map((one) => JSON.parse(one));
}
