import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

/** The bytes of a file; undefined where there is none. */
export function contentsOf(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The name of a folder for what is not finished, or this program's own, in folders of the host. */
export const aside = ".ipvlan-cni";

/**
 * Puts a file in its place by a rename: whoever opens it meanwhile has the old one or the new one, whole, also after a power cut.
 * @param judge sees the finished file before it takes its place; what it throws keeps the old one there
 * @returns false where it was there with these contents
 */
export async function putWhole(
  file: string,
  contents: Buffer,
  mode: number,
  judge: (unfinished: string) => Promise<void> = async () => {},
): Promise<boolean> {
  if (contentsOf(file)?.equals(contents)) return false;
  // In a folder of its own there, which no runtime reads: under its own name, by which the plugin knows what it is.
  const unfinished = join(dirname(file), aside, basename(file));
  mkdirSync(dirname(unfinished), { recursive: true, mode: 0o700 });
  const fd = openSync(unfinished, "w", mode);
  try {
    for (let at = 0; at < contents.length; ) at += writeSync(fd, contents, at);
    fchmodSync(fd, mode);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  // containerd does not look at what comes into the folder that it watches, since a file that is made there is not written yet
  // (internal/cri/server/cni_conf_syncer.go); it looks when one that is there gets another name.
  const beside = join(dirname(file), `.${basename(file)}.new`);
  try {
    await judge(unfinished);
    renameSync(unfinished, beside);
    renameSync(beside, file);
  } catch (error) {
    for (const one of [unfinished, beside]) rmSync(one, { force: true });
    throw error;
  }
  return true;
}
