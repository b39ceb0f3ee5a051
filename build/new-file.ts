import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * Has `make` write a file under its final name in a folder of its own, then moves it to its place. So nobody meets a
 * half-written executable, one that runs is never written to, and two builds at once do no harm.
 */
export async function makeInPlace(output: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  mkdirSync(dirname(output), { recursive: true });
  const folder = mkdtempSync(join(dirname(output), ".new-"));
  try {
    const unfinished = join(folder, basename(output));
    await make(unfinished);
    renameSync(unfinished, output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
