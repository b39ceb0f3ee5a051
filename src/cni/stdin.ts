import { port } from "#system";
import { ErrorCode, PluginError } from "../errors.ts";
import { check, Errno } from "../system/errno.ts";
import { decode } from "../system/text.ts";
import { tryJson } from "./json.ts";

const STDIN = 0;
const name = "standard input";

/** Bytes. A network configuration has some hundred; this is more than a container runtime's own limits let through. */
const longest = 16 * 2 ** 20;

/** The configuration on standard input, to its end. @throws PluginError 6 where it is too long */
export function readStdin(): string {
  return read(() => true);
}

/** Bytes that may hold the whole of what VERSION is given; a longer text is read to its end. */
const short = 65536;
/** Milliseconds without a byte after which nobody is taken to write any: on a terminal, or a pipe that was left open. */
const patience = 1000;

/**
 * What is on standard input, for who can do without: up to its end, or to that of the JSON object in it, or until nothing has come
 * for a second.
 */
export function readStdinAtHand(): string {
  return read((bytes) => !isWhole(bytes) && hasMore());
}

function isWhole(bytes: Uint8Array): boolean {
  if (bytes.length > short) return false;
  const text = decode(bytes).trimEnd();
  return text.endsWith("}") && tryJson(text) !== undefined;
}

/** Waits for a byte or the end. */
function hasMore(): boolean {
  // struct pollfd: int fd, short events (POLLIN), short revents
  const pollfd = new Uint8Array([STDIN, 0, 0, 0, 1, 0, 0, 0]);
  for (;;) {
    const count = port.poll(pollfd, 1, patience);
    if (count !== -Errno.EINTR) return count !== 0;
  }
}

/** @param goesOn is asked before each read(2) */
function read(goesOn: (bytes: Uint8Array) => boolean): string {
  let buffer = new Uint8Array(16384);
  let length = 0;
  while (goesOn(buffer.subarray(0, length))) {
    if (length === buffer.length) {
      const larger = new Uint8Array(buffer.length * 4);
      larger.set(buffer);
      buffer = larger;
    }
    const count = port.read(STDIN, buffer.subarray(length), buffer.length - length);
    if (count === -Errno.EINTR) continue;
    if (check(count, "read", name) === 0) break;
    length += count;
    if (length > longest) {
      const message = `${name} holds more than ${longest / 2 ** 20} MiB: no network configuration is that long`;
      throw new PluginError(ErrorCode.decodeFailure, message);
    }
  }
  return decode(buffer.subarray(0, length));
}
