import { fileStatus, listFolder, readText } from "./files.ts";

/**
 * Tells whether something keeps a network namespace alive, as far as it is seen from here: a process in it, or a mount of it. By an
 * identity as namespaceIdentity gives it; undefined where it cannot be told, since there is no /proc.
 */
export function livingNamespaces(): ((identity: string) => boolean) | undefined {
  const paths = pathsToNamespaces();
  return paths && ((identity) => paths.has(identity));
}

/** A path that leads to the namespace now; undefined where none is seen. */
export function pathToNamespace(identity: string): string | undefined {
  return pathsToNamespaces()?.get(identity);
}

let seen: ReadonlyMap<string, string> | undefined;

/** By identity. What was seen at the first look holds for the whole of a call. */
function pathsToNamespaces(): ReadonlyMap<string, string> | undefined {
  if (seen !== undefined) return seen;
  const processes = listFolder("/proc").filter((name) => /^\d+$/.test(name));
  const mounts = readText("/proc/self/mountinfo");
  if (processes.length === 0 || mounts === undefined) return undefined;
  const paths = new Map<string, string>();
  // proc(5), /proc/PID/mountinfo: the fourth word is the root of the mount in its file system, "net:[4026532193]", the fifth the
  // mount point.
  for (const [, device, inode, point = ""] of mounts.matchAll(/^\d+ \d+ (\S+) net:\[(\d+)\] (\S+)/gm)) {
    paths.set(
      `${device}:${inode}`,
      point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
  }
  for (const name of processes) {
    const path = `/proc/${name}/ns/net`;
    // Of a process that has ended meanwhile there is no file any more.
    const identity = fileStatus(path)?.identity;
    if (identity !== undefined && !paths.has(identity)) paths.set(identity, path);
  }
  seen = paths;
  return seen;
}
