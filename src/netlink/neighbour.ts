import { type Address, formatAddress, fromBytes, toBytes } from "../ip/address.ts";
import { addressFamily } from "./address.ts";
import { bytesAttribute, readAttributes, u32Attribute } from "./attributes.ts";
import { getS32, set32 } from "./bytes.ts";
import * as k from "./constants.ts";
import type { Request } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";
import { dumpStrictly } from "./strict.ts";

/** An entry of the neighbour table, or of the table of addresses for which the kernel answers ARP and ND. */
export interface Neighbour {
  readonly index: number;
  readonly address: Address;
  /** Hardware address; undefined for a proxy entry and for one that is not resolved. */
  readonly lladdr: Uint8Array | undefined;
  /** NUD_* */
  readonly state: number;
}

/** struct ndmsg: u8 family, three bytes, s32 index, u16 state, u8 flags, u8 type. */
function ndmsg(family: number, index: number, state: number, flags: number): Uint8Array {
  const header = new Uint8Array(12);
  header[0] = family;
  set32(header, 4, index);
  header[8] = state;
  header[10] = flags;
  return header;
}

/** An entry that is never asked for and never ends; in the place of one that is there. */
export function putNeighbour(index: number, address: Address, lladdr: Uint8Array): Request {
  return {
    type: k.RTM_NEWNEIGH,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK | k.NLM_F_CREATE | k.NLM_F_REPLACE,
    header: ndmsg(addressFamily(address.family), index, k.NUD_PERMANENT, 0),
    attributes: [bytesAttribute(k.NDA_DST, toBytes(address)), bytesAttribute(k.NDA_LLADDR, lladdr)],
    what: `add neighbour ${formatAddress(address)}`,
  };
}

/** Has the kernel answer ARP or ND for the address on the link; one that is there already stays. */
export function putProxy(index: number, address: Address): Request {
  return proxy(k.RTM_NEWNEIGH, k.NLM_F_CREATE | k.NLM_F_REPLACE, index, address);
}

/** The kernel answers ENOENT where there is none. */
export function deleteProxy(index: number, address: Address): Request {
  return proxy(k.RTM_DELNEIGH, 0, index, address);
}

function proxy(type: number, flags: number, index: number, address: Address): Request {
  return {
    type,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK | flags,
    header: ndmsg(addressFamily(address.family), index, 0, k.NTF_PROXY),
    attributes: [bytesAttribute(k.NDA_DST, toBytes(address))],
    what: `${type === k.RTM_NEWNEIGH ? "add" : "remove"} proxy entry ${formatAddress(address)}`,
  };
}

/** Reads the payload of an RTM_NEWNEIGH; undefined for those of bridges and the like. */
export function readNeighbour(payload: Uint8Array): Neighbour | undefined {
  const family = payload[0];
  if (family !== k.AF_INET && family !== k.AF_INET6) return undefined;
  const attributes = readAttributes(payload, 12);
  const address = attributes.get(k.NDA_DST);
  if (address === undefined || address.length !== (family === k.AF_INET ? 4 : 16)) return undefined;
  return {
    index: getS32(payload, 4),
    address: fromBytes(address),
    lladdr: attributes.get(k.NDA_LLADDR),
    state: (payload[8] as number) | ((payload[9] as number) << 8),
  };
}

/** The entries of the link, of both families. */
export function neighboursOn(socket: NetlinkSocket, index: number): Neighbour[] {
  return list(socket, index, 0);
}

/** The proxy entries of the link, of both families. */
export function proxiesOn(socket: NetlinkSocket, index: number): Neighbour[] {
  return list(socket, index, k.NTF_PROXY);
}

function list(socket: NetlinkSocket, index: number, flags: number): Neighbour[] {
  return [k.AF_INET, k.AF_INET6].flatMap((family) => {
    const request = {
      type: k.RTM_GETNEIGH,
      flags: k.NLM_F_REQUEST,
      header: ndmsg(family, 0, 0, flags),
      attributes: [u32Attribute(k.NDA_IFINDEX, index)],
      what: "list neighbours",
    };
    return dumpStrictly(socket, request)
      .map(readNeighbour)
      .filter((neighbour) => neighbour?.index === index) as Neighbour[];
  });
}
