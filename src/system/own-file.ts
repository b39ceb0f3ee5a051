import { fileStatus, readSmall } from "./files.ts";

const EXECUTABLE = "/proc/self/exe";

/** The folder in which this program lies; undefined where it was removed or replaced since it started, or /proc is not there. */
export function ownFolder(): string | undefined {
  const own = fileStatus(EXECUTABLE)?.identity;
  if (own === undefined) return undefined;
  // Of proc_pid_maps(5): a path begins at the first slash, and stands last.
  for (const line of (readSmall("/proc/self/maps") ?? "").split("\n")) {
    const start = line.indexOf("/");
    if (start < 0) continue;
    const path = line.slice(start);
    if (fileStatus(path)?.identity === own) return path.slice(0, path.lastIndexOf("/"));
  }
  return undefined;
}
