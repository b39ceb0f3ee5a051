/**
 * The programs that tests start all the time, and their libraries, as files for the guest's memory.
 *
 * Every open of a file on a share is several turns through the emulator. With these in memory a process starts in half
 * the time, and process starts are what tests spend their time on.
 */

import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join, posix } from "node:path";
import { type CpioEntry, folderMode, linkMode } from "./cpio.ts";
import { libraryPath, run } from "./process.ts";

const programs = [
  ...["bash", "cat", "cp", "cut", "date", "echo", "env", "grep", "head", "kill", "ls", "mkdir", "mktemp", "mv", "ps"],
  ...["readlink", "rm", "sed", "seq", "sh", "sleep", "sort", "stat", "tail", "tee", "test", "timeout", "touch", "tr"],
  ...["true", "wc", "arping", "bridge", "ip", "nsenter", "ping", "pgrep", "sysctl", "tc", "tcpdump", "unshare"],
];

/** Read by these programs or their C library at every start. */
const others = ["ld.so.cache", "passwd", "group", "nsswitch.conf", "iproute2/group", "iproute2/rt_tables"];

/**
 * Entries for an archive to be unpacked over the guest's root; what is not there is left out.
 *
 * @param roots Root folders that lie over each other in the guest, the uppermost first.
 */
export async function memoryFiles(roots: readonly string[]): Promise<CpioEntry[]> {
  const entries = new Map<string, CpioEntry>();
  const add = (path: string) => addFile(entries, roots, path);
  const found = programs
    .map((name) => add(`usr/bin/${name}`) ?? add(`usr/sbin/${name}`))
    .filter((path) => path !== undefined);
  const files = found.map((path) => find(roots, path)).filter((file) => file !== undefined);
  const env = { LD_LIBRARY_PATH: roots.map(libraryPath).join(":") };
  // Its exit code tells only whether one of the programs is a script or a static one.
  const listed = (await run("ldd", files, { env })).stdout.toString();
  for (const [, library] of listed.matchAll(/^\t(?:\S+ => )?(\/\S+) \(0x/gm)) {
    add(withoutRoot(library as string, roots));
  }
  for (const name of others) {
    add(`etc/${name}`);
  }
  return [...entries.values()];
}

/**
 * Adds a file with all folders and links on the way to it. Paths have no leading slash.
 *
 * @returns The file's path without links; undefined if there is no such file.
 */
function addFile(entries: Map<string, CpioEntry>, roots: readonly string[], path: string): string | undefined {
  const folder = path.includes("/") ? addFile(entries, roots, posix.dirname(path)) : "";
  const here = folder === undefined ? undefined : posix.join(folder, posix.basename(path));
  const file = here === undefined ? undefined : find(roots, here);
  if (folder === undefined || here === undefined || file === undefined) {
    return undefined;
  }
  const { mode } = lstatSync(file);
  if ((mode & typeBits) === (linkMode & typeBits)) {
    const target = readlinkSync(file);
    entries.set(here, { path: here, mode: linkMode, data: Buffer.from(target) });
    return addFile(entries, roots, posix.resolve("/", folder, target).slice(1));
  }
  if (!entries.has(here)) {
    const isFolder = (mode & typeBits) === (folderMode & typeBits);
    entries.set(here, isFolder ? { path: here, mode } : { path: here, mode, data: readFileSync(file) });
  }
  return here;
}

const typeBits = 0o170000;

/** The path on the host of what the guest sees at `path`. */
function find(roots: readonly string[], path: string): string | undefined {
  return roots.map((root) => join(root, path)).find((file) => lstatSync(file, { throwIfNoEntry: false }));
}

function withoutRoot(path: string, roots: readonly string[]): string {
  const root = roots.find((candidate) => path.startsWith(`${candidate}/`)) ?? "/";
  return posix.relative(root, path);
}
