import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { locked } from "./lock.ts";
import { root } from "./paths.ts";

/** A path below `$IPVLAN_CNI_CACHE`, or `.cache` in the checkout: what is downloaded or made once. All of it may be deleted. */
export const cachePath = (...parts: string[]): string =>
  resolve(process.env.IPVLAN_CNI_CACHE || resolve(root, ".cache"), ...parts);

/**
 * A folder of the cache, filled where it is missing: whole or not at all, and by one process alone.
 * @param name changes with everything that decides over the contents
 */
export async function cachedFolder(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = cachePath(name);
  if (existsSync(folder)) return folder;
  return locked(folder, async () => {
    if (existsSync(folder)) return folder;
    const unfinished = `${folder}.new`;
    mkdirSync(dirname(folder), { recursive: true });
    // Left by a process that was killed.
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished);
    try {
      await fill(unfinished);
      renameSync(unfinished, folder);
      return folder;
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  });
}
