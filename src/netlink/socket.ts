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
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;

/** The kernel has its answers ready when a send returns: where none comes, one was lost. */
const TIMEOUT_S = 5;

/**
 * Requests of one send. Each may fail, and an answer takes up to 2 kB of the socket's buffer, which has 200 kB by default: what
 * finds no room there is lost (netlink(7)).
 */
export const BATCH = 32;

/** A netlink socket, of rtnetlink where nothing else is said: it stays in the network namespace in which it was opened. */
export interface NetlinkSocket {
  readonly fd: number;
  /** Of the next request. */
  sequence: number;
  /** The sequence number of a list of which the kernel has more to tell. */
  untold?: number | undefined;
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
  // struct timeval: s64 seconds, s64 microseconds.
  const timeout = new Uint8Array(16);
  timeout[0] = TIMEOUT_S;
  port.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length);
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

/**
 * The messages of the next answer; their payloads are valid until the next one.
 * @param what is asked, for the error
 */
export function receive(socket: NetlinkSocket, what = "recv AF_NETLINK"): Message[] {
  for (;;) {
    buffer ??= new Uint8Array(65536);
    const length = port.recv(socket.fd, buffer, buffer.length, MSG_TRUNC);
    if (length === -Errno.EINTR) continue;
    if (length === -Errno.EAGAIN) throw new NetlinkError(what, Errno.ETIMEDOUT, `no answer within ${TIMEOUT_S} s`);
    if (length === -Errno.ENOBUFS) {
      throw new NetlinkError(what, Errno.ENOBUFS, "answers were lost: net.core.rmem_default is too small for them");
    }
    check(length, "recv", "AF_NETLINK");
    if (length > buffer.length) throw new NetlinkError(what, Errno.EMSGSIZE, "an answer is longer than 64 KiB");
    return decodeMessages(buffer.subarray(0, length));
  }
}

/** A request's outcome: its error, the payload of the object that it asked for, or undefined where it was carried out. */
export type Outcome = NetlinkError | Uint8Array | undefined;

/**
 * Sends all requests, in one send as long as they are few, and waits for their answers. The kernel works on each, in order, also
 * behind one that failed.
 * @param requests each with NLM_F_ACK or for one object; none for a list
 */
export function exchange(socket: NetlinkSocket, requests: readonly Request[]): Outcome[] {
  if (requests.length <= BATCH) return exchangeBatch(socket, requests);
  const outcomes: Outcome[] = [];
  for (let at = 0; at < requests.length; at += BATCH) {
    outcomes.push(...exchangeBatch(socket, requests.slice(at, at + BATCH)));
  }
  return outcomes;
}

/** Failures are reported unasked, so it is the last request alone that the kernel has to acknowledge. */
function exchangeBatch(socket: NetlinkSocket, requests: readonly Request[]): Outcome[] {
  const last = requests.length - 1;
  if (last < 0) return [];
  const { what } = requests[last] as Request;
  const first = send(socket, requests);
  const outcomes = requests.map((): Outcome => undefined);
  for (;;) {
    for (const message of receive(socket, what)) {
      const i = message.sequence - first;
      const request = requests[i];
      if (request === undefined) {
        noteEnd(socket, message);
        continue;
      }
      if (message.type === NLMSG_ERROR) {
        const { errno, reason } = readError(message);
        if (errno !== 0) outcomes[i] = new NetlinkError(request.what, errno, reason);
      } else if ((request.flags & NLM_F_ACK) === 0) outcomes[i] = message.payload.slice();
      else continue;
      if (i === last) return outcomes;
    }
  }
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

/** Payloads of a whole dump, copied. Asked for again when the kernel says that it changed meanwhile, or that a part was lost. */
export function dump(socket: NetlinkSocket, request: Request): Uint8Array[] {
  let payloads: Uint8Array[] = [];
  readList(socket, request, () => {
    payloads = [];
    return (payload) => {
      payloads.push(payload.slice());
      return false;
    };
  });
  return payloads;
}

/**
 * Looks through a dump, of which nothing is kept. Once it has been found, the rest is neither read nor waited for.
 * @param look gets the payload of each object, valid until it returns
 * @returns what `look` returned first, but for undefined
 */
export function search<T>(
  socket: NetlinkSocket,
  request: Request,
  look: (payload: Uint8Array) => T | undefined,
): T | undefined {
  let found: T | undefined;
  readList(socket, request, () => (payload) => {
    found = look(payload);
    return found !== undefined;
  });
  return found;
}

/** @param begin makes what is shown each object, and says whether that is enough: anew for each time that the list is asked for */
function readList(socket: NetlinkSocket, request: Request, begin: () => (payload: Uint8Array) => boolean): void {
  for (let attempt = 1; ; attempt++) {
    try {
      // A fifth interruption in a row is taken as it is: better a view that may miss a link made just now than none.
      if (readListOnce(socket, request, begin()) || attempt === 5) return;
    } catch (error) {
      if (!(error instanceof NetlinkError && error.errno === Errno.ENOBUFS) || attempt === 5) throw error;
    }
  }
}

/** @returns false where the list has changed while it was told */
function readListOnce(socket: NetlinkSocket, request: Request, show: (payload: Uint8Array) => boolean): boolean {
  // The kernel tells a socket one list at a time.
  while (socket.untold !== undefined) for (const message of receive(socket, request.what)) noteEnd(socket, message);
  const sequence = send(socket, [{ ...request, flags: request.flags | NLM_F_DUMP }]);
  socket.untold = sequence;
  let isWhole = true;
  for (;;) {
    const messages = receive(socket, request.what);
    for (const [place, message] of messages.entries()) {
      if (message.sequence !== sequence) continue;
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) isWhole = false;
      noteEnd(socket, message);
      if (socket.untold === undefined) {
        // A dump that fails on the way ends with the errno too: what came before is a part of the whole.
        const { errno, reason } = readError(message);
        if (errno !== 0) throw new NetlinkError(request.what, errno, reason);
        return isWhole;
      }
      if (!show(message.payload)) continue;
      for (const later of messages.slice(place + 1)) noteEnd(socket, later);
      return true;
    }
  }
}

/** Notes the end of a list of which the rest was not waited for. */
function noteEnd(socket: NetlinkSocket, { type, sequence }: Message): void {
  if (sequence === socket.untold && (type === NLMSG_DONE || type === NLMSG_ERROR)) socket.untold = undefined;
}
