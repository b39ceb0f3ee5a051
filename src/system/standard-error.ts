import { port } from "#system";
import { Errno } from "./errno.ts";
import { encode } from "./text.ts";

const STDERR = 2;
const POLLOUT = 4;
/** PIPE_BUF: a pipe that is ready takes as much without waiting. */
const PART = 4096;
/** Milliseconds that a reader has to make room. */
const PATIENCE = 200;

let isHeard = true;

/**
 * Writes to standard error as far as somebody hears: where it is closed, full, or a pipe that nobody reads, that is no reason for a call
 * to fail, nor to wait.
 */
export function tell(text: string): void {
  const bytes = encode(text);
  for (let at = 0; isHeard && at < bytes.length; ) {
    // struct pollfd: s32 fd, s16 events, s16 revents
    const ready = port.poll(new Uint8Array([STDERR, 0, 0, 0, POLLOUT, 0, 0, 0]), 1, PATIENCE);
    const part = bytes.subarray(at, at + PART);
    const count = ready > 0 ? port.write(STDERR, part, part.length) : ready;
    if (count > 0) at += count;
    else if (count !== -Errno.EINTR) isHeard = false;
  }
}
