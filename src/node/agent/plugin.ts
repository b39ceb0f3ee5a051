import { spawn } from "node:child_process";
import { places } from "./settings.ts";

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The plugin's command line takes seconds at most; the store that it may wait for has 5. */
const PATIENCE_MS = 60_000;

/** Runs a command of the plugin's command line, on the host's network and with the host's state. */
export function runPlugin(file: string, words: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, words, {
      env: { CNI_PATH: places.plugins, PATH: "" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: PATIENCE_MS,
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (part: string) => {
        output[name] += part;
      });
    }
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, ...output }));
  });
}
