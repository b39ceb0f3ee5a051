import { Errno, isErrno } from "./errno.ts";
import { fileStatus, listFolder, readText } from "./files.ts";

/** What is seen from here: each namespace by its identity, as namespaceIdentity gives it, with a path that leads to it. */
interface Seen {
  readonly paths: ReadonlyMap<string, string>;
  /** All processes showed theirs. Without CAP_SYS_PTRACE, some do not. */
  readonly isWhole: boolean;
}

/**
 * Tells whether something keeps a network namespace alive: a process in it, or a mount of it. By an identity as namespaceIdentity
 * gives it; undefined where it cannot be told, since there is no /proc or not all of it is shown.
 */
export function livingNamespaces(): ((identity: string) => boolean) | undefined {
  const found = look();
  return found?.isWhole ? (identity) => found.paths.has(identity) : undefined;
}

/** A path that leads to the namespace now; undefined where none is seen. */
export function pathToNamespace(identity: string): string | undefined {
  return look()?.paths.get(identity);
}

let seen: Seen | undefined;

/** What was seen at the first look holds for the whole of a call. */
function look(): Seen | undefined {
  seen ??= lookAround();
  return seen;
}

function lookAround(): Seen | undefined {
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
  let isWhole = true;
  for (const name of processes) {
    const path = `/proc/${name}/ns/net`;
    try {
      // Of a process that has ended meanwhile there is no file any more.
      const identity = fileStatus(path)?.identity;
      if (identity !== undefined && !paths.has(identity)) paths.set(identity, path);
    } catch (error) {
      if (!isErrno(error, Errno.EACCES) && !isErrno(error, Errno.EPERM)) throw error;
      isWhole = false;
    }
  }
  return { paths, isWhole };
}
