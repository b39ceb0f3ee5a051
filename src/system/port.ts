/**
 * Everything that the machine offers to this program: a few functions of libc, by their own names, and the process
 * they run in. One adapter a runtime (quickjs.ts with its host in C, node.ts); `#system` in package.json picks it.
 *
 * Results are libc's, except that a failure is the negated errno (as in the kernel's own calling convention), so that
 * errno is read before anything else can change it. Paths are NUL-terminated (see {@link cstring}).
 */
export interface Port {
  open(path: Uint8Array, flags: number, mode: number): number;
  close(fd: number): number;
  read(fd: number, buffer: Uint8Array, length: number): number;
  write(fd: number, buffer: Uint8Array, length: number): number;
  ftruncate(fd: number, length: number): number;
  /** The resulting offset, below 2 GiB. */
  lseek(fd: number, offset: number, whence: number): number;
  memfd_create(name: Uint8Array, flags: number): number;
  flock(fd: number, operation: number): number;
  /** linkat(2) from `from` to `to`, both relative to the current folder or absolute. */
  linkat(fromFd: number, from: Uint8Array, toFd: number, to: Uint8Array, flags: number): number;
  rename(from: Uint8Array, to: Uint8Array): number;
  unlink(path: Uint8Array): number;
  mkdir(path: Uint8Array, mode: number): number;
  rmdir(path: Uint8Array): number;
  /** Fills `buffer` with linux_dirent64 records; 0 at the end. */
  getdents64(fd: number, buffer: Uint8Array, length: number): number;
  /** Fills `buffer` (256 bytes) with struct statx, whose layout is the same on every architecture. */
  statx(fd: number, path: Uint8Array, flags: number, mask: number, buffer: Uint8Array): number;
  /** `times`: two struct timespec, access time and modification time. */
  utimensat(fd: number, path: Uint8Array, times: Uint8Array, flags: number): number;
  setns(fd: number, type: number): number;
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  recv(fd: number, buffer: Uint8Array, length: number, flags: number): number;
  poll(fds: Uint8Array, count: number, timeoutMs: number): number;
  /** ioctl(2) TIOCGWINSZ: fills `buffer` (8 bytes) with struct winsize, u16 rows and columns; ENOTTY where it is no terminal. */
  terminalSize(fd: number, buffer: Uint8Array): number;
  /** Milliseconds since some moment, by a clock that nobody sets (CLOCK_MONOTONIC). */
  clock(): number;
  /** Ends the process at once: no buffers are flushed, no handlers run. */
  exit(code: number): never;

  /** UTF-8; half a surrogate pair becomes U+FFFD. */
  encode(text: string): Uint8Array;
  /** UTF-8; bytes that are none become U+FFFD, and a byte order mark stays. */
  decode(bytes: Uint8Array): string;

  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly argv: readonly string[];
  readonly pid: number;
  readonly arch: "x64" | "arm64";
  /** What the program runs on, with its version: `QuickJS-ng 0.17.0`, `Node.js 26.10.0`. */
  readonly engine: string;
  /**
   * Runs a program to its end, in a process group of its own that is ended when the time is over.
   * @param environment NAME=VALUE and a NUL, one after another
   * @param stdin, stdout, stderr the only descriptors that it gets
   * @returns its exit status; {@link SIGNALLED} and the number of the signal that ended it; a negated errno where it was not
   *   started, or ETIMEDOUT
   */
  run(
    path: Uint8Array,
    environment: Uint8Array,
    stdin: number,
    stdout: number,
    stderr: number,
    timeoutMs: number,
  ): number;

  /**
   * Names the function that the process runs: at once on Node. The native executable has its modules evaluated when it is
   * built, and calls this when it is started: nothing of the machine may be looked at before.
   * @param lastWords printed on standard output where `main` ends by an exception that it could not handle itself
   */
  start(main: () => void, lastWords: Uint8Array): void;
}

/** See {@link Port.run}. */
export const SIGNALLED = 1000;
