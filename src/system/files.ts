import { port } from "#system";
import { check, Errno, SystemError } from "./errno.ts";
import { cstring, decode, encode } from "./text.ts";

// fcntl.h; O_NOFOLLOW, and O_TMPFILE by O_DIRECTORY's bit, differ between x86-64 and arm64
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_APPEND = 0o2000;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const AT_FDCWD = -100;

/**
 * open(2) of a file that this program keeps. In its place may be anything by now: a symbolic link is not followed (ELOOP), a pipe
 * not waited for (ENXIO), a folder says EISDIR.
 */
export function openOwn(path: string, flags: number): number {
  const O_NOFOLLOW = port.arch === "arm64" ? 0o100000 : 0o400000;
  return port.open(cstring(path), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600);
}

/** Whether the errno of a call says that something else is in the place of a file that this program keeps, see {@link openOwn}. */
export function isOther(errno: number): boolean {
  return errno === Errno.ELOOP || errno === Errno.EISDIR || errno === Errno.ENXIO;
}

/** Reads a file descriptor to its end. Unit: bytes. */
export function readAll(fd: number, name: string): Uint8Array {
  let buffer = new Uint8Array(16384);
  let length = 0;
  for (;;) {
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 4);
      larger.set(buffer);
      buffer = larger;
    }
    const count = port.read(fd, buffer.subarray(length), buffer.length - length);
    if (count === -Errno.EINTR) continue;
    if (check(count, "read", name) === 0) return buffer.subarray(0, length);
    length += count;
  }
}

/** Writes everything, however many write(2) calls it takes. */
export function writeAll(fd: number, bytes: Uint8Array, name: string): void {
  let written = 0;
  while (written < bytes.length) {
    const count = port.write(fd, bytes.subarray(written), bytes.length - written);
    if (count !== -Errno.EINTR) written += check(count, "write", name);
  }
}

/** Whether the errno of a call says that there is no such file: a name that is too long cannot be any file's. */
export function isAbsent(errno: number): boolean {
  return errno === Errno.ENOENT || errno === Errno.ENOTDIR || errno === Errno.ENAMETOOLONG;
}

/** The file's text, or undefined where there is none. A pipe is not waited for: it is empty. */
export function readText(path: string): string | undefined {
  const fd = port.open(cstring(path), O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (isAbsent(-fd)) return undefined;
  check(fd, "open", path);
  try {
    return decode(readAll(fd, path));
  } finally {
    port.close(fd);
  }
}

/** Writes into an existing kernel file such as a sysctl. */
export function writeExisting(path: string, text: string): void {
  const fd = check(port.open(cstring(path), O_WRONLY | O_CLOEXEC, 0), "open", path);
  try {
    writeAll(fd, encode(text), path);
  } finally {
    port.close(fd);
  }
}

/**
 * Makes or replaces a file whole or not at all: a reader sees the old text or the new one, also where the process is killed.
 * The temporary file beside it starts with a dot and ends in `.tmp`; the caller holds a lock on the folder, so one name
 * is enough and a leftover of a killed process is overwritten.
 */
export function replaceFile(path: string, text: string, mode = 0o600): void {
  const slash = path.lastIndexOf("/") + 1;
  // Cut, since a file's name holds 255 bytes.
  const temporary = `${path.slice(0, slash)}.${path.slice(slash, slash + 200)}.tmp`;
  // What a killed process left, whatever it is: it is never written into.
  removeFile(temporary);
  const fd = check(port.open(cstring(temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode), "open", temporary);
  try {
    try {
      writeAll(fd, encode(text), temporary);
    } finally {
      port.close(fd);
    }
    check(port.rename(cstring(temporary), cstring(path)), "rename", path);
  } catch (error) {
    port.unlink(cstring(temporary));
    throw error;
  }
}

/** Removes a file; false where there was none. A folder is none. */
export function removeFile(path: string): boolean {
  const result = port.unlink(cstring(path));
  if (isAbsent(-result) || result === -Errno.EISDIR) return false;
  check(result, "unlink", path);
  return true;
}

/** Removes a folder that is empty or not there. @returns false where it is not empty */
export function removeFolder(path: string): boolean {
  const result = port.rmdir(cstring(path));
  if (result === -Errno.ENOTEMPTY || result === -Errno.EEXIST) return false;
  // A file in its place is another matter.
  if (result === -Errno.ENOTDIR || !isAbsent(-result)) check(result, "rmdir", path);
  return true;
}

/** mkdir -p */
export function makeFolder(path: string, mode = 0o755): void {
  const result = port.mkdir(cstring(path), mode);
  if (result === -Errno.EEXIST) return;
  const parent = path.slice(0, path.lastIndexOf("/"));
  if (result === -Errno.ENOENT && parent !== "") {
    makeFolder(parent, mode);
    // Not makeFolder again: where the parent is there and yet the path has none (a link to nowhere, /proc) it would not end.
    const second = port.mkdir(cstring(path), mode);
    if (second !== -Errno.EEXIST) check(second, "mkdir", path);
    return;
  }
  check(result, "mkdir", path);
}

/** The names in a folder, without `.` and `..`, in the folder's own order; empty where there is no folder. */
export function listFolder(path: string): string[] {
  return readFolder(path, () => true);
}

/** The names of the regular files in a folder: no folders, pipes or symbolic links. */
export function listFiles(path: string): string[] {
  const DT_UNKNOWN = 0;
  const DT_REG = 8;
  // Some file systems do not tell.
  const isFile = (name: string) => linkStatus(`${path}/${name}`)?.isRegular === true;
  return readFolder(path, (name, type) => type === DT_REG || (type === DT_UNKNOWN && isFile(name)));
}

/** @param isMeant of a name and its DT_* */
function readFolder(path: string, isMeant: (name: string, type: number) => boolean): string[] {
  const fd = port.open(cstring(path), O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (isAbsent(-fd)) return [];
  check(fd, "open", path);
  try {
    const names: string[] = [];
    const buffer = new Uint8Array(65536);
    const view = new DataView(buffer.buffer);
    for (;;) {
      const length = port.getdents64(fd, buffer, buffer.length);
      if (length === 0 || length === -Errno.ENOENT) return names; // ENOENT: removed since it was opened
      check(length, "getdents64", path);
      // struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, char name[]
      for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
        const start = at + 19;
        const name = decode(buffer.subarray(start, buffer.indexOf(0, start)));
        if (name !== "." && name !== ".." && isMeant(name, buffer[at + 18] as number)) names.push(name);
      }
    }
  } finally {
    port.close(fd);
  }
}

export interface FileStatus {
  /** Identity of the file while it exists: device and inode. */
  readonly identity: string;
  readonly isFolder: boolean;
  readonly isRegular: boolean;
  /** S_ISUID and the like, and the permissions. */
  readonly mode: number;
  readonly size: number;
  /** How many names it has; 0 once the last is removed. */
  readonly links: number;
  /** Nanoseconds since 1970. */
  readonly modified: bigint;
}

/** statx(2), following symbolic links; undefined where there is no such file. */
export function fileStatus(path: string): FileStatus | undefined {
  return statx(AT_FDCWD, path, 0);
}

/** The same of a symbolic link itself. */
export function linkStatus(path: string): FileStatus | undefined {
  const AT_SYMLINK_NOFOLLOW = 0x100;
  return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
}

/** statx(2) of an open file. */
export function openFileStatus(fd: number): FileStatus {
  const AT_EMPTY_PATH = 0x1000;
  return statx(fd, "", AT_EMPTY_PATH) as FileStatus;
}

function statx(fd: number, path: string, flags: number): FileStatus | undefined {
  const STATX_BASIC_STATS = 0x7ff;
  const buffer = new Uint8Array(256);
  const result = port.statx(fd, cstring(path), flags, STATX_BASIC_STATS, buffer);
  if (isAbsent(-result)) return undefined;
  check(result, "statx", path);
  // struct statx: nlink at 16, mode at 28, ino at 32, size at 40, mtime at 112 (s64 seconds, u32 nanoseconds), device at 136 and 140
  const view = new DataView(buffer.buffer);
  const mode = view.getUint16(28, true);
  return {
    identity: `${view.getUint32(136, true)}:${view.getUint32(140, true)}:${view.getBigUint64(32, true)}`,
    isFolder: (mode & 0o170000) === 0o040000,
    isRegular: (mode & 0o170000) === 0o100000,
    mode: mode & 0o7777,
    size: Number(view.getBigUint64(40, true)),
    links: view.getUint32(16, true),
    modified: view.getBigInt64(112, true) * 1_000_000_000n + BigInt(view.getUint32(120, true)),
  };
}

/**
 * Makes a file with all its text under the first name that is free: whole or not at all, and of two that try at
 * once only one gets the name. An unnamed file is written, then linked under its name (open(2), O_TMPFILE), so that a
 * killed process leaves nothing.
 * @param folder an existing folder
 * @param names are taken one after another, as far as needed
 * @returns the name, undefined where all are taken
 */
export function createFirst(folder: string, names: Iterable<string>, text: string, mode = 0o600): string | undefined {
  const O_TMPFILE = 0o20000000 | (port.arch === "arm64" ? 0o40000 : 0o200000);
  const AT_SYMLINK_FOLLOW = 0x400;
  let fd = port.open(cstring(folder), O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
  let temporary: string | undefined;
  if (fd === -Errno.EOPNOTSUPP || fd === -Errno.EISDIR || fd === -Errno.EINVAL) {
    // A file system without unnamed files (NFS, older overlayfs): a name that only this process uses.
    temporary = `${folder}/.${port.pid}.tmp`;
    // A leftover of a killed process may be a second name of a file that it made: never write into it.
    port.unlink(cstring(temporary));
    fd = port.open(cstring(temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  }
  check(fd, "open", temporary ?? folder);
  try {
    writeAll(fd, encode(text), temporary ?? folder);
    const source = cstring(temporary ?? `/proc/self/fd/${fd}`);
    const flags = temporary === undefined ? AT_SYMLINK_FOLLOW : 0;
    for (const name of names) {
      const path = `${folder}/${name}`;
      const result = port.linkat(AT_FDCWD, source, AT_FDCWD, cstring(path), flags);
      if (result === -Errno.EEXIST) continue;
      check(result, "linkat", path);
      return name;
    }
    return undefined;
  } finally {
    port.close(fd);
    if (temporary !== undefined) port.unlink(cstring(temporary));
  }
}

/** {@link createFirst} with one name; false where it is taken. */
export function createWhole(folder: string, name: string, text: string, mode?: number): boolean {
  return createFirst(folder, [name], text, mode) !== undefined;
}

/**
 * The text of a small file of this program's own, or of /proc; undefined where there is none. A short read is taken for the end, which
 * saves the read(2) that would find it.
 * @param other what is returned where something else is in its place; a pipe is empty
 */
export function readSmall(path: string, other?: string): string | undefined {
  const fd = openOwn(path, O_RDONLY);
  if (isAbsent(-fd)) return undefined;
  if (isOther(-fd)) return other;
  check(fd, "open", path);
  try {
    return readOpen(fd, path);
  } catch (error) {
    if (error instanceof SystemError && isOther(error.errno)) return other;
    throw error;
  } finally {
    port.close(fd);
  }
}

/** Of all reads: what is read is decoded before the next one. */
let small: Uint8Array | undefined;

/** The text of a small open file, from where it stands. */
export function readOpen(fd: number, path: string): string {
  small ??= new Uint8Array(1024);
  let buffer = small;
  for (let length = 0; ; ) {
    const count = port.read(fd, length === 0 ? buffer : buffer.subarray(length), buffer.length - length);
    if (count === -Errno.EINTR) continue;
    // A pipe that somebody else has open.
    if (count === -Errno.EAGAIN) throw new SystemError("read", Errno.ENXIO, path);
    length += check(count, "read", path);
    if (length < buffer.length) return decode(buffer.subarray(0, length));
    const larger = new Uint8Array(buffer.length * 8);
    larger.set(buffer);
    buffer = larger;
  }
}

/**
 * Writes the file anew in place, made where it is missing: not whole or not at all, for what may be lost.
 * The old text is overwritten and then cut, never emptied first: ext4 answers a file that was emptied, written and closed
 * (and one that is renamed over another) with an early flush, 200 us here beside 5 (ext4(5), auto_da_alloc).
 * @param longest what the file holds at most at present, in bytes, where that is known: nothing to cut
 */
export function overwriteFile(path: string, text: string, longest = Number.POSITIVE_INFINITY): void {
  const bytes = encode(text);
  const fd = check(openOwn(path, O_WRONLY | O_CREAT), "open", path);
  try {
    writeAll(fd, bytes, path);
    if (longest > bytes.length) check(port.ftruncate(fd, bytes.length), "ftruncate", path);
  } finally {
    port.close(fd);
  }
}

/** Writes at the end of a file, made where it is missing. */
export function appendToFile(path: string, text: string): void {
  const fd = check(openOwn(path, O_WRONLY | O_CREAT | O_APPEND), "open", path);
  try {
    writeAll(fd, encode(text), path);
  } finally {
    port.close(fd);
  }
}

/** Sets access and modification time. */
export function setTimes(path: string, seconds: number, nanoseconds: number): void {
  const times = new BigInt64Array([seconds, nanoseconds, seconds, nanoseconds].map(BigInt));
  check(port.utimensat(AT_FDCWD, cstring(path), new Uint8Array(times.buffer), 0), "utimensat", path);
}

export { O_CLOEXEC, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY, SystemError };
