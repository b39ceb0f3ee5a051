import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { root } from "./paths.ts";

export interface ToolOptions {
  /** Default: the checkout. */
  readonly cwd?: string;
  /** Added to the environment. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Runs a build tool.
 * @returns what it printed
 * @throws Error with what it printed
 */
export async function runTool(
  file: string,
  words: readonly string[],
  { cwd = root, variables = {} }: ToolOptions = {},
): Promise<string> {
  // A runtime's own switches in a developer's environment must not reach what is built.
  const { NODE_OPTIONS, ...env }: NodeJS.ProcessEnv = { ...process.env, LC_ALL: "C", ...variables };
  try {
    return (await promisify(execFile)(file, [...words], { cwd, env, maxBuffer: 1 << 27 })).stdout;
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    const printed = `${stdout}\n${stderr}`.trim().split("\n").slice(-30).join("\n");
    throw new Error([message.split("\n")[0], printed].filter(Boolean).join("\n"));
  }
}
