import { type Attribute, align, readAttributes, readString, sizeOf, writeAttributes } from "./attributes.ts";
import { NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSGERR_ATTR_MSG } from "./constants.ts";

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

/** The requests one after another, numbered from `sequence` on: what one send(2) carries. */
export function encodeRequests(requests: readonly Request[], sequence: number): Uint8Array {
  let size = 0;
  for (const { header, attributes } of requests) size += HEADER + header.length + sizeOf(attributes);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  requests.forEach(({ type, flags, header, attributes }, index) => {
    bytes.set(header, at + HEADER);
    const end = writeAttributes(view, at + HEADER + header.length, attributes);
    view.setUint32(at, end - at, true);
    view.setUint16(at + 4, type, true);
    view.setUint16(at + 6, flags, true);
    view.setUint32(at + 8, sequence + index, true);
    at = end;
  });
  return bytes;
}

/** The messages in what one recv(2) returned. */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const messages: Message[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > bytes.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
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
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const errno = -view.getInt32(0, true);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, reason: "" };
  // The refused request follows the errno: whole, or its header only where the answer is capped. A dump's end has none.
  let echoed = HEADER;
  if (type === NLMSG_DONE) echoed = 0;
  else if ((flags & NLM_F_CAPPED) === 0 && errno !== 0) echoed = view.getUint32(4, true);
  const attributes = readAttributes(payload, 4 + align(echoed));
  return { errno, reason: readString(attributes.get(NLMSGERR_ATTR_MSG)) ?? "" };
}
