import { port } from "#system";
import { check, Errno, SystemError } from "./errno.ts";
import { readAll, writeAll } from "./files.ts";
import { decode, encode } from "./text.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const POLLIN = 1;

/**
 * Sends a line to whoever listens at a socket of this machine (unix(7)), and reads what comes back until the other end closes it.
 * @throws SystemError ENOENT or ECONNREFUSED where nobody listens, ETIMEDOUT where no answer begins in time
 */
export function askLocalSocket(path: string, line: string, timeoutMs: number): string {
  const fd = check(port.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket", path);
  try {
    // struct sockaddr_un: u16 family, the path and a NUL
    const address = encode(`\0\0${path}\0`);
    new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_UNIX;
    check(port.connect(fd, address, address.length), "connect", path);
    writeAll(fd, encode(`${line}\n`), path);
    waitForAnswer(fd, path, timeoutMs);
    return decode(readAll(fd, path));
  } finally {
    port.close(fd);
  }
}

function waitForAnswer(fd: number, path: string, timeoutMs: number): void {
  // struct pollfd: s32 fd, u16 events, u16 what happened
  const waiting = new Uint8Array(8);
  new Int32Array(waiting.buffer)[0] = fd;
  waiting[4] = POLLIN;
  const end = port.clock() + timeoutMs;
  for (;;) {
    const ready = port.poll(waiting, 1, Math.max(0, Math.round(end - port.clock())));
    if (ready === -Errno.EINTR) continue;
    if (check(ready, "poll", path) === 0) throw new SystemError("recv", Errno.ETIMEDOUT, path);
    return;
  }
}
