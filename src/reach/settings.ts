import type { Family } from "../ip/address.ts";
import { Errno, isErrno } from "../system/errno.ts";
import { writeExisting } from "../system/files.ts";

/** The name of a link's setting as sysctl(8) has it, to which a dot in the link's name is a slash. */
export function sysctlName(family: Family, link: string, setting: string): string {
  return `net.ipv${family}.conf.${link.replaceAll(".", "/")}.${setting}`;
}

/** Writes a setting below /proc/sys/net of the namespace that this process is in. @returns false where the kernel has none */
export function writeSetting(path: string, value: string): boolean {
  try {
    writeExisting(path, value);
    return true;
  } catch (error) {
    if (isErrno(error, Errno.ENOENT)) return false;
    throw error;
  }
}
