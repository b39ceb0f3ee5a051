import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { root } from "./paths.ts";

/** What is downloaded or made once for all builds, below `$IPVLAN_CNI_CACHE` or `.cache` in the checkout. May be deleted. */
const cache = resolve(process.env.IPVLAN_CNI_CACHE || join(root, ".cache"), "build");

/**
 * A folder of the cache, filled where it is missing: whole or not at all, whoever else is at it.
 * @param name changes with everything that decides over the contents
 */
export async function cachedFolder(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(dirname(folder), { recursive: true });
  mkdirSync(unfinished);
  try {
    await fill(unfinished);
    if (!existsSync(folder)) renameSync(unfinished, folder);
    return folder;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
