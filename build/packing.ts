// Archives that are the same whenever, wherever and by whomever they are made.
import { globSync, lutimesSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { runTool } from "./run-tool.ts";

/** A folder's contents as a tar archive: sorted, all of root's, of one time, with the modes that a umask of 022 leaves. */
export async function pack(folder: string, names: readonly string[], output: string, time: number): Promise<void> {
  const owner = ["--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"];
  const same = ["--format=gnu", "--sort=name", `--mtime=@${time}`];
  await runTool("tar", [...owner, ...same, "-C", folder, "-cf", output, ...names]);
}

/** The same, compressed by this Node's zlib, whatever gzip the machine has. */
export async function packCompressed(
  folder: string,
  names: readonly string[],
  output: string,
  time: number,
): Promise<void> {
  const archive = `${output}.tar`;
  await pack(folder, names, archive, time);
  writeFileSync(output, gzipSync(readFileSync(archive), { level: 6 }));
  rmSync(archive);
}

/** Gives all files below a folder one time, in seconds since 1970. */
export function setTimes(folder: string, time: number): void {
  for (const path of [...globSync("**/*", { cwd: folder }), "."]) lutimesSync(join(folder, path), time, time);
}
