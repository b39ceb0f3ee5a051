/** The C signatures of the functions that {@link Port} offers, for both adapters to translate. */

/** i: int; u: unsigned int; z: size_t or off_t; p: pointer to the bytes of a Uint8Array. */
type Argument = "i" | "u" | "z" | "p";

/**
 * Every result is read as a C int: lengths stay far below 2 GiB here, and -1 reads as -1.
 * open(2) and its like are variadic in C; on x86-64 and arm64 Linux integer arguments travel the same way.
 */
export const signatures = {
  open: ["p", "i", "u"],
  close: ["i"],
  read: ["i", "p", "z"],
  write: ["i", "p", "z"],
  ftruncate: ["i", "z"],
  lseek: ["i", "z", "i"],
  memfd_create: ["p", "u"],
  flock: ["i", "i"],
  linkat: ["i", "p", "i", "p", "i"],
  rename: ["p", "p"],
  unlink: ["p"],
  mkdir: ["p", "u"],
  rmdir: ["p"],
  getdents64: ["i", "p", "z"],
  statx: ["i", "p", "i", "u", "p"],
  utimensat: ["i", "p", "p", "i"],
  setns: ["i", "i"],
  socket: ["i", "i", "i"],
  setsockopt: ["i", "i", "i", "p", "u"],
  bind: ["i", "p", "u"],
  connect: ["i", "p", "u"],
  recv: ["i", "p", "z", "i"],
  poll: ["p", "z", "i"],
} as const satisfies Record<string, readonly Argument[]>;

/** glibc's name, then musl's. */
export function libcNames(arch: string): readonly string[] {
  return ["libc.so.6", arch === "arm64" ? "libc.musl-aarch64.so.1" : "libc.musl-x86_64.so.1"];
}
