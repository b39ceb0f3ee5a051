import { Errno, isErrno } from "../system/errno.ts";
import { writeExisting } from "../system/files.ts";

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
