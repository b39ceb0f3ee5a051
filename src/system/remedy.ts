import { Errno } from "./errno.ts";

const remedies: ReadonlyMap<number, string> = new Map([
  [Errno.EPERM, "run as root"],
  [Errno.EACCES, "run as root"],
  [Errno.EBADF, "it is closed"],
  [Errno.ENOSPC, "make room on its file system"],
  [Errno.EFBIG, "raise the limit of a file's size (ulimit -f)"],
  [Errno.EDQUOT, "make room within its quota"],
  [Errno.EROFS, "its file system is read-only, and must be writable"],
  [Errno.EMFILE, "raise the limit of open files (ulimit -n)"],
  [Errno.ENFILE, "raise the system's limit of open files (fs.file-max)"],
  [Errno.ENOMEM, "there is not enough memory"],
  [Errno.EIO, "the device fails, see the kernel's log"],
  [Errno.ENOTDIR, "a file is where a folder should be: remove it"],
  [Errno.EISDIR, "a folder is where a file should be: remove it"],
  [Errno.ENXIO, "a pipe or socket is where a file should be: remove it"],
  [Errno.ELOOP, "a symbolic link is in its way: remove it"],
  [Errno.ENAMETOOLONG, "the path is longer than the file system takes"],
]);

/** What to do about a system call that failed with this errno, as the end of a sentence: `: run as root`, or nothing. */
export function remedy(errno: number): string {
  const what = remedies.get(errno);
  return what === undefined ? "" : `: ${what}`;
}
