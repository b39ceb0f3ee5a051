import { port } from "#system";
import { check, Errno, errnoName } from "../system/errno.ts";
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR } from "./constants.ts";
import { decodeMessages, encodeRequests, type Message, type Request, readError } from "./message.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const MSG_TRUNC = 0x20;

/** A netlink socket, of rtnetlink where nothing else is said: it stays in the network namespace in which it was opened. */
export interface NetlinkSocket {
  readonly fd: number;
  /** Of the next request. */
  sequence: number;
}

/** A request that the kernel refused. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  readonly errno: number;
  /** The kernel's own sentence, or empty. */
  readonly reason: string;
  /** What was being done. */
  readonly what: string;

  constructor(what: string, errno: number, reason: string) {
    super(`${what}: ${errnoName(errno)}${reason === "" ? "" : ` (${reason})`}`);
    this.what = what;
    this.errno = errno;
    this.reason = reason;
  }
}

// One buffer for all sockets: answers are read out of it before the next recv(2). The kernel's largest dump part is 32 KiB.
let buffer: Uint8Array | undefined;

/** Opens an rtnetlink socket in the namespace that this process is in now. It binds itself at its first send. */
export function openNetlink(): NetlinkSocket {
  return openSocket(NETLINK_ROUTE);
}

/** The same for any of the kernel's netlink protocols. */
export function openSocket(protocol: number): NetlinkSocket {
  const fd = check(port.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "socket", "AF_NETLINK");
  // Kernels before 4.12 lack it; errors then come without the kernel's sentence.
  port.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, new Uint8Array([1, 0, 0, 0]), 4);
  return { fd, sequence: 1 };
}

export function closeNetlink(socket: NetlinkSocket): void {
  port.close(socket.fd);
}

function send(socket: NetlinkSocket, requests: readonly Request[]): number {
  const first = socket.sequence;
  socket.sequence += requests.length;
  const bytes = encodeRequests(requests, first, "last");
  check(port.write(socket.fd, bytes, bytes.length), "write", "AF_NETLINK");
  return first;
}

/** The messages of the next answer; their payloads are valid until the next one. */
export function receive(socket: NetlinkSocket): Message[] {
  for (;;) {
    buffer ??= new Uint8Array(65536);
    const length = port.recv(socket.fd, buffer, buffer.length, MSG_TRUNC);
    if (length === -Errno.EINTR) continue;
    check(length, "recv", "AF_NETLINK");
    if (length > buffer.length) throw new NetlinkError("recv AF_NETLINK", Errno.ENOBUFS, "answer longer than 64 KiB");
    return decodeMessages(buffer.subarray(0, length));
  }
}

/** A request's outcome: its error, the payload of the object that it asked for, or undefined where it was carried out. */
export type Outcome = NetlinkError | Uint8Array | undefined;

/**
 * Sends all requests in one send and waits for their answers. The kernel works on each, in order, also behind one that failed.
 * Failures are reported unasked, so it is the last alone that it has to acknowledge.
 * @param requests each with NLM_F_ACK or for one object; none for a list
 */
export function exchange(socket: NetlinkSocket, requests: readonly Request[]): Outcome[] {
  const last = requests.length - 1;
  const first = send(socket, requests);
  const outcomes = requests.map((): Outcome => undefined);
  while (last >= 0) {
    for (const message of receive(socket)) {
      const i = message.sequence - first;
      const request = requests[i];
      if (request === undefined) continue;
      if (message.type === NLMSG_ERROR) {
        const { errno, reason } = readError(message);
        if (errno !== 0) outcomes[i] = new NetlinkError(request.what, errno, reason);
      } else if ((request.flags & NLM_F_ACK) === 0) outcomes[i] = message.payload.slice();
      else continue;
      if (i === last) return outcomes;
    }
  }
  return outcomes;
}

/** {@link exchange} of requests that ask for no object. @returns the error of each, undefined where there was none */
export function transact(socket: NetlinkSocket, requests: readonly Request[]): (NetlinkError | undefined)[] {
  return exchange(socket, requests) as (NetlinkError | undefined)[];
}

/** {@link transact} that throws the first error. */
export function execute(socket: NetlinkSocket, requests: readonly Request[]): void {
  for (const error of transact(socket, requests)) if (error !== undefined) throw error;
}

/** Sends a request for one object (without NLM_F_ACK) and returns its payload; throws {@link NetlinkError}. */
export function get(socket: NetlinkSocket, request: Request): Uint8Array {
  const [outcome] = exchange(socket, [request]);
  if (outcome instanceof Uint8Array) return outcome;
  throw outcome ?? new NetlinkError(request.what, Errno.EPROTO, "the answer holds no object");
}

/** Payloads of a whole dump, copied. Asked for again when the kernel says that it changed meanwhile. */
export function dump(socket: NetlinkSocket, request: Request): Uint8Array[] {
  for (let attempt = 1; ; attempt++) {
    const sequence = send(socket, [{ ...request, flags: request.flags | NLM_F_DUMP }]);
    const payloads: Uint8Array[] = [];
    let interrupted = false;
    let done = false;
    while (!done) {
      for (const message of receive(socket)) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
          // A dump that fails on the way ends with the errno too: what came before is a part of the whole.
          const { errno, reason } = readError(message);
          if (errno !== 0) throw new NetlinkError(request.what, errno, reason);
          done = true;
        } else payloads.push(message.payload.slice());
      }
    }
    // A fifth interruption in a row is taken as it is: better a view that may miss a link made just now than none.
    if (!interrupted || attempt === 5) return payloads;
  }
}
