/** Writes archives in cpio's "newc" format, the one the kernel unpacks (Documentation/driver-api/early-userspace). */

export interface CpioEntry {
  /** Path without a leading slash; its folders must come before it. */
  path: string;
  /** Type and permissions, as in `st_mode`. */
  mode: number;
  data?: Buffer;
}

export const folderMode = 0o040755;
export const programMode = 0o100755;
export const linkMode = 0o120777;

export function cpio(entries: readonly CpioEntry[]): Buffer {
  const all = [...entries, { path: "TRAILER!!!", mode: 0 }];
  return Buffer.concat(all.flatMap((entry, index) => record(entry, index + 1)));
}

function record({ path, mode, data = Buffer.alloc(0) }: CpioEntry, inode: number): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, links, mtime, size, device (2), device represented (2), length of the name, checksum
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`);
  return [header, name, padding(header.length + name.length), data, padding(data.length)];
}

/** Names and data each end at a multiple of four bytes. */
function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
