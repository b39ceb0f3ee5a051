import { type Attribute, align, readAttributes, readString, sizeOf, writeAttributes } from "./attributes.ts";
import { getS32, getU16, getU32, set32, setU16 } from "./bytes.ts";
import { NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSGERR_ATTR_MSG } from "./constants.ts";

/** struct nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence, u32 port. */
const HEADER = 16;

/** A request without its sequence number, which the socket gives it. */
export interface Request {
  readonly type: number;
  /** NLM_F_*, NLM_F_REQUEST included. */
  readonly flags: number;
  /** The family's own header: ifinfomsg, ifaddrmsg, rtmsg. A multiple of 4 bytes. */
  readonly header: Uint8Array;
  readonly attributes: readonly Attribute[];
  /** What is being done, for the error message: "create ipvlan eth0". */
  readonly what: string;
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/**
 * The requests one after another, numbered from `sequence` on: what one send(2) carries.
 * @param acknowledged NLM_F_ACK counts in each of them, or in the last alone
 */
export function encodeRequests(
  requests: readonly Request[],
  sequence: number,
  acknowledged: "each" | "last" = "each",
): Uint8Array {
  let size = 0;
  for (const { header, attributes } of requests) size += HEADER + header.length + sizeOf(attributes);
  const bytes = new Uint8Array(size);
  let at = 0;
  requests.forEach(({ type, flags, header, attributes }, index) => {
    bytes.set(header, at + HEADER);
    const end = writeAttributes(bytes, at + HEADER + header.length, attributes);
    set32(bytes, at, end - at);
    setU16(bytes, at + 4, type);
    setU16(bytes, at + 6, acknowledged === "each" || index === requests.length - 1 ? flags : flags & ~NLM_F_ACK);
    set32(bytes, at + 8, sequence + index);
    at = end;
  });
  return bytes;
}

/** The messages in what one recv(2) returned. */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = getU32(bytes, at);
    if (length < HEADER || at + length > bytes.length) break;
    messages.push({
      type: getU16(bytes, at + 4),
      flags: getU16(bytes, at + 6),
      sequence: getU32(bytes, at + 8),
      payload: bytes.subarray(at + HEADER, at + length),
    });
    at += align(length);
  }
  return messages;
}

/**
 * The errno of an NLMSG_ERROR (0 is an acknowledgement) or of the NLMSG_DONE behind a dump, and the kernel's own sentence
 * where it sent one (extended acknowledgement, Documentation/userspace-api/netlink/intro.rst).
 */
export function readError(message: Message): { errno: number; reason: string } {
  const { type, payload, flags } = message;
  const errno = -getS32(payload, 0);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, reason: "" };
  // The refused request follows the errno: whole, or its header only where the answer is capped. A dump's end has none.
  let echoed = HEADER;
  if (type === NLMSG_DONE) echoed = 0;
  else if ((flags & NLM_F_CAPPED) === 0 && errno !== 0) echoed = getU32(payload, 4);
  const attributes = readAttributes(payload, 4 + align(echoed));
  return { errno, reason: readString(attributes.get(NLMSGERR_ATTR_MSG)) ?? "" };
}
