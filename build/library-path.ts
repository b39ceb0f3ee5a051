import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** LD_LIBRARY_PATH for programs of unpacked packages that run on this machine. */
export function libraryPath(root: string): string {
  const folder = join(root, "usr/lib");
  const triplets = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith("-linux-gnu")) : [];
  return [...triplets.map((triplet) => join(folder, triplet)), folder].join(":");
}
