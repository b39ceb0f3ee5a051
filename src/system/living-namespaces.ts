import { fileStatus, listFolder, readText } from "./files.ts";

/**
 * Tells whether something keeps a network namespace alive, as far as it is seen from here: a process in it, or a mount of it. By an
 * identity as namespaceIdentity gives it; undefined where it cannot be told, since there is no /proc.
 */
export function livingNamespaces(): ((identity: string) => boolean) | undefined {
  const processes = listFolder("/proc").filter((name) => /^\d+$/.test(name));
  const mounts = readText("/proc/self/mountinfo");
  if (processes.length === 0 || mounts === undefined) return undefined;
  // Of a process that has ended meanwhile there is no file any more.
  const inhabited = new Set(processes.map((name) => fileStatus(`/proc/${name}/ns/net`)?.identity));
  // proc(5), /proc/PID/mountinfo: the fourth word is the root of the mount in its file system, "net:[4026532193]".
  const mounted = new Set(
    [...mounts.matchAll(/^\d+ \d+ (\S+) net:\[(\d+)\] /gm)].map(([, device, inode]) => `${device}:${inode}`),
  );
  return (identity) => inhabited.has(identity) || mounted.has(identity);
}
