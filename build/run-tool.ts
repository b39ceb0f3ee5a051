import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { root } from "./paths.ts";

/**
 * Runs a build tool.
 * @param variables added to the environment
 * @returns what it printed
 */
export async function runTool(
  file: string,
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  // A runtime's own switches in a developer's environment must not reach what is built.
  const { NODE_OPTIONS, ...env } = { ...process.env, ...variables };
  try {
    return (await promisify(execFile)(file, [...words], { cwd: root, env, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error([message.split("\n")[0], stdout.trim(), stderr.trim()].filter(Boolean).join("\n"));
  }
}
