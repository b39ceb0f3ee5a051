/** Errno values of Linux, the same on every architecture that this program is built for (asm-generic/errno*.h). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EPROTO: 71,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EDQUOT: 122,
} as const;

/** `EPERM` for 1 and so on; `errno 200` for one that is not in the table. */
export function errnoName(errno: number): string {
  for (const [name, value] of Object.entries(Errno)) if (value === errno) return name;
  return `errno ${errno}`;
}

/** A system call that failed. `path` is the file, link or namespace that it was about. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly call: string;
  readonly errno: number;
  readonly path: string;

  constructor(call: string, errno: number, path = "") {
    super(`${call}${path === "" ? "" : ` ${path}`}: ${errnoName(errno)}`);
    this.call = call;
    this.errno = errno;
    this.path = path;
  }
}

/** Passes a result of the port on, or throws it as a {@link SystemError} where it is a negated errno. */
export function check(result: number, call: string, path = ""): number {
  if (result < 0) throw new SystemError(call, -result, path);
  return result;
}

/** Whether the error is a system call's that failed with this errno. */
export function isErrno(error: unknown, errno: number): boolean {
  return error instanceof SystemError && error.errno === errno;
}
