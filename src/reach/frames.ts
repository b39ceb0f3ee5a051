import { type Address, fromBytes, toBytes } from "../ip/address.ts";

/** Ethernet frames that ask or tell who has an address: ARP (RFC 826, RFC 5227) and neighbour discovery (RFC 4861). */

const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
const IPPROTO_ICMPV6 = 58;
export const ND_NEIGHBOR_SOLICIT = 135;
export const ND_NEIGHBOR_ADVERT = 136;
const NEIGHBOUR_FLAG_OVERRIDE = 0x20;
const OPTION_SOURCE_LINK_LAYER = 1;
const OPTION_TARGET_LINK_LAYER = 2;

const BROADCAST = new Uint8Array(6).fill(0xff);
const ALL_NODES = toBytes({ family: 6, value: (0xff02n << 112n) | 1n });
const UNSPECIFIED = new Uint8Array(16);

/** What tells all machines of the network that the address is at this MAC: a gratuitous ARP, or an unsolicited NA. */
export function announcement(mac: Uint8Array, address: Address): Uint8Array {
  const bytes = toBytes(address);
  if (address.family === 4) return arpRequest(mac, bytes, bytes);
  // Flags and three bytes, the target, an option with the MAC (RFC 4861, 4.4 and 7.2.6).
  const body = [NEIGHBOUR_FLAG_OVERRIDE, 0, 0, 0, ...bytes, OPTION_TARGET_LINK_LAYER, 1, ...mac];
  return icmpv6(mac, bytes, ALL_NODES, ND_NEIGHBOR_ADVERT, body);
}

/** What asks whether somebody has the address, without saying that we want it: an ARP probe, or the question of IPv6's DAD. */
export function probe(mac: Uint8Array, address: Address): Uint8Array {
  const bytes = toBytes(address);
  if (address.family === 4) return arpRequest(mac, new Uint8Array(4), bytes);
  return icmpv6(mac, UNSPECIFIED, solicitedNode(address), ND_NEIGHBOR_SOLICIT, [0, 0, 0, 0, ...bytes]);
}

/** An ordinary question for the address, of somebody who has the address `own`, of the same family. */
export function question(mac: Uint8Array, own: Address, address: Address): Uint8Array {
  const [sender, target] = [toBytes(own), toBytes(address)];
  if (address.family === 4) return arpRequest(mac, sender, target);
  const body = [0, 0, 0, 0, ...target, OPTION_SOURCE_LINK_LAYER, 1, ...mac];
  return icmpv6(mac, sender, solicitedNode(address), ND_NEIGHBOR_SOLICIT, body);
}

/** The multicast group in which whoever has the address listens (RFC 4291, 2.7.1), 16 bytes. */
export function solicitedNode({ value }: Address): Uint8Array {
  return toBytes({ family: 6, value: (0xff02n << 112n) | 0x1_ff00_0000n | (value & 0xff_ffffn) });
}

/** Who uses an address, or wants to. */
export interface Claim {
  readonly address: Address;
  readonly mac: Uint8Array;
}

/** What an ARP frame says: its sender has an address, or looks whether it may have one. */
export function claimOfArp(frame: Uint8Array): Claim | undefined {
  if (frame.length < 42 || frame[12] !== 0x08 || frame[13] !== 0x06 || frame[18] !== 6 || frame[19] !== 4)
    return undefined;
  const [sender, target] = [fromBytes(frame.subarray(28, 32)), fromBytes(frame.subarray(38, 42))];
  const isProbe = sender.value === 0n && frame[21] === 1;
  return { address: isProbe ? target : sender, mac: frame.slice(22, 28) };
}

/**
 * What a neighbour advertisement says, as it comes from an ICMPv6 socket. Where it lacks the MAC, or is another's question, the MAC
 * is empty.
 */
export function claimOfNeighbour(message: Uint8Array): Claim | undefined {
  if (message.length < 24) return undefined;
  const isAnswer = message[0] === ND_NEIGHBOR_ADVERT && message[24] === OPTION_TARGET_LINK_LAYER;
  return { address: fromBytes(message.subarray(8, 24)), mac: isAnswer ? message.slice(26, 32) : new Uint8Array() };
}

function arpRequest(mac: Uint8Array, sender: Uint8Array, target: Uint8Array): Uint8Array {
  const [HARDWARE_ETHERNET, PROTOCOL_IPV4, REQUEST] = [1, 0x0800, 1];
  return frame(BROADCAST, mac, ETHERTYPE_ARP, [
    ...be16(HARDWARE_ETHERNET),
    ...be16(PROTOCOL_IPV4),
    mac.length,
    sender.length,
    ...be16(REQUEST),
    ...mac,
    ...sender,
    ...new Uint8Array(6),
    ...target,
  ]);
}

function icmpv6(
  mac: Uint8Array,
  source: Uint8Array,
  group: Uint8Array,
  type: number,
  body: readonly number[],
): Uint8Array {
  const length = 4 + body.length;
  // The checksum counts a pseudo-header of addresses, length and protocol (RFC 8200, 8.1).
  const pseudo = [...source, ...group, 0, 0, ...be16(length), 0, 0, 0, IPPROTO_ICMPV6];
  const sum = checksum([...pseudo, type, 0, 0, 0, ...body]);
  const HOP_LIMIT = 255;
  const header = [0x60, 0, 0, 0, ...be16(length), IPPROTO_ICMPV6, HOP_LIMIT, ...source, ...group];
  const multicast = new Uint8Array([0x33, 0x33, ...group.subarray(12)]);
  return frame(multicast, mac, ETHERTYPE_IPV6, [...header, type, 0, ...be16(sum), ...body]);
}

function frame(to: Uint8Array, from: Uint8Array, type: number, payload: readonly number[]): Uint8Array {
  return new Uint8Array([...to, ...from, ...be16(type), ...payload]);
}

const be16 = (value: number): [number, number] => [value >> 8, value & 0xff];

/** RFC 1071, of an even number of bytes. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
