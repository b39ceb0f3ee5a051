import { fileStatus, readSmall, readText } from "../system/files.ts";

/** A random text that the kernel makes anew at every boot (random(4)); undefined where there is no /proc. */
export function bootId(): string | undefined {
  return readSmall("/proc/sys/kernel/random/boot_id")?.trim() || undefined;
}

/**
 * A time before which nothing of this boot was written, in nanoseconds since 1970; undefined where it cannot be told.
 *
 * btime (proc(5), /proc/stat) is the present time less the uptime. It jumps ahead when the clock is set, or a virtual
 * machine goes on after it was saved, and files of this boot then look older than it. So the kernel's own device files
 * count too: devtmpfs makes them early in the boot, by the clock of then.
 */
export function bootTime(): bigint | undefined {
  const match = /^btime (\d+)$/m.exec(readSmall("/proc/stat") ?? "");
  if (match === null) return undefined;
  const booted = BigInt(match[1] as string) * 1_000_000_000n;
  const device = fileStatus("/dev/null");
  // Major number 0: a file system in memory. On a disk the file may be years old.
  return device?.identity.startsWith("0:") && device.modified < booted ? device.modified : booted;
}

/** What tells this machine from others, through its boots, as far as anything does: machine-id(5), else its name. */
export function machineId(): string {
  return readText("/etc/machine-id")?.trim() || readText("/proc/sys/kernel/hostname")?.trim() || "";
}
