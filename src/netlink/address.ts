import { bitsOf, type Family, fromBytes, lastOf, type Prefix, toBytes } from "../ip/address.ts";
import { Errno } from "../system/errno.ts";
import { bytesAttribute, readAttributes, readU32, u32Attribute } from "./attributes.ts";
import { getU32, set32 } from "./bytes.ts";
import * as k from "./constants.ts";
import type { Request } from "./message.ts";
import { dump, NetlinkError, type NetlinkSocket } from "./socket.ts";
import { dumpStrictly } from "./strict.ts";

/** An address on a link. */
export interface InterfaceAddress {
  readonly index: number;
  readonly prefix: Prefix;
  /** IFA_F_* */
  readonly flags: number;
  /** RT_SCOPE_* */
  readonly scope: number;
}

export function addressFamily(family: Family): number {
  return family === 4 ? k.AF_INET : k.AF_INET6;
}

/** struct ifaddrmsg: u8 family, u8 prefix length, u8 flags, u8 scope, u32 index. */
function ifaddrmsg(family: number, length: number, index: number): Uint8Array {
  const header = new Uint8Array(8);
  header[0] = family;
  header[1] = length;
  set32(header, 4, index);
  return header;
}

/**
 * Adds the address to the link: IPv4 with the broadcast address of its subnet (none for /31 and /32, as iproute2's "brd +"),
 * IPv6 without duplicate address detection: the allocator's word stands for it, and the address answers at once.
 */
export function addAddress(index: number, prefix: Prefix): Request {
  const { family } = prefix.address;
  const bytes = toBytes(prefix.address);
  const attributes = [bytesAttribute(k.IFA_LOCAL, bytes), bytesAttribute(k.IFA_ADDRESS, bytes)];
  if (family === 6) attributes.push(u32Attribute(k.IFA_FLAGS, k.IFA_F_NODAD));
  else if (bitsOf(family) - prefix.length >= 2) {
    attributes.push(bytesAttribute(k.IFA_BROADCAST, toBytes(lastOf(prefix))));
  }
  return {
    type: k.RTM_NEWADDR,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK | k.NLM_F_CREATE | k.NLM_F_EXCL,
    header: ifaddrmsg(addressFamily(family), prefix.length, index),
    attributes,
    what: "add address",
  };
}

/** Takes the address from the link. */
export function deleteAddress(index: number, prefix: Prefix): Request {
  const { family } = prefix.address;
  return {
    type: k.RTM_DELADDR,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK,
    header: ifaddrmsg(addressFamily(family), prefix.length, index),
    attributes: [bytesAttribute(k.IFA_LOCAL, toBytes(prefix.address))],
    what: "delete address",
  };
}

/** Reads the payload of an RTM_NEWADDR. */
export function readAddress(payload: Uint8Array): InterfaceAddress | undefined {
  const attributes = readAttributes(payload, 8);
  // On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL is always one's own, but IPv6 leaves it out.
  const bytes = attributes.get(k.IFA_LOCAL) ?? attributes.get(k.IFA_ADDRESS);
  if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) return undefined;
  return {
    index: getU32(payload, 4),
    prefix: { address: fromBytes(bytes), length: payload[1] as number },
    flags: readU32(attributes.get(k.IFA_FLAGS)) ?? (payload[2] as number),
    scope: payload[3] as number,
  };
}

/** Every address in the socket's namespace, of both families. */
export function allAddresses(socket: NetlinkSocket): InterfaceAddress[] {
  return dump(socket, addressList(0))
    .map(readAddress)
    .filter((address) => address !== undefined);
}

/**
 * The addresses of a link, of both families; none of a link that has gone meanwhile. The kernel does the picking, where it is
 * 5.0 or newer.
 */
export function addressesOn(socket: NetlinkSocket, index: number): InterfaceAddress[] {
  return listed(socket, index)
    .map(readAddress)
    .filter((address) => address?.index === index) as InterfaceAddress[];
}

function listed(socket: NetlinkSocket, index: number): Uint8Array[] {
  try {
    return dumpStrictly(socket, addressList(index));
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === Errno.ENODEV) return [];
    throw error;
  }
}

function addressList(index: number): Request {
  return {
    type: k.RTM_GETADDR,
    flags: k.NLM_F_REQUEST,
    header: ifaddrmsg(k.AF_UNSPEC, 0, index),
    attributes: [],
    what: "list addresses",
  };
}
