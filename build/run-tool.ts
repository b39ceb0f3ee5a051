import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { root } from "./paths.ts";

/** Runs a build tool; what it prints is of interest only when it fails. */
export async function runTool(file: string, words: string[]): Promise<void> {
  // The runtimes' own switches in a developer's environment must not reach what is built.
  const { NODE_OPTIONS, BUN_OPTIONS, BUN_BE_BUN, ...env } = process.env;
  try {
    await promisify(execFile)(file, words, { cwd: root, env });
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error([message.split("\n")[0], stdout.trim(), stderr.trim()].filter(Boolean).join("\n"));
  }
}
