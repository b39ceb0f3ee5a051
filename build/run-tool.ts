import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { root } from "./paths.ts";

/** Runs a build tool. @returns what it printed */
export async function runTool(file: string, words: string[]): Promise<string> {
  // The runtimes' own switches in a developer's environment must not reach what is built.
  const { NODE_OPTIONS, BUN_OPTIONS, BUN_BE_BUN, ...env } = process.env;
  try {
    return (await promisify(execFile)(file, words, { cwd: root, env })).stdout;
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error([message.split("\n")[0], stdout.trim(), stderr.trim()].filter(Boolean).join("\n"));
  }
}
