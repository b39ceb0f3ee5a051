import { port } from "#system";
import { set32 } from "../netlink/bytes.ts";
import type { Link } from "../netlink/link.ts";
import { check, Errno } from "../system/errno.ts";
import { encode } from "../system/text.ts";

const AF_PACKET = 17;
const AF_INET6 = 10;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
const IPPROTO_IPV6 = 41;
const IPPROTO_ICMPV6 = 58;
const IPV6_JOIN_GROUP = 20;
const ICMP6_FILTER = 1;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;

/** ETH_P_*; 0: nothing is received. */
export type EtherType = 0 | 0x0806;

/**
 * A socket for whole frames on a link of the namespace that this process is in (packet(7)). Closing one takes the kernel some
 * milliseconds: it waits for all processors.
 */
export function openPacketSocket({ index, name }: Link, type: EtherType): number {
  const protocol = ((type & 0xff) << 8) | (type >> 8);
  // Protocol 0 until it is bound: no frame of another link comes in.
  const fd = check(port.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "socket", "AF_PACKET");
  // struct sockaddr_ll: u16 family, be16 protocol, s32 index, and what only the receiver is told
  const address = new Uint8Array(20);
  address[0] = AF_PACKET;
  address[2] = protocol & 0xff;
  address[3] = protocol >> 8;
  set32(address, 4, index);
  check(port.bind(fd, address, address.length), "bind", name);
  return fd;
}

/**
 * A socket that receives ICMPv6 messages of these types on the link, and those of these multicast groups (16 bytes each)
 * (ipv6(7), RFC 3542). What comes with it begins at the ICMPv6 header.
 */
export function openIcmpSocket(link: Link, types: readonly number[], groups: readonly Uint8Array[]): number {
  const fd = check(port.socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6), "socket", "IPPROTO_ICMPV6");
  const set = (level: number, option: number, value: Uint8Array) =>
    check(port.setsockopt(fd, level, option, value, value.length), "setsockopt", link.name);
  // struct icmp6_filter: a bit set for each type that is kept out
  const filter = new Uint8Array(32).fill(0xff);
  for (const type of types) filter[type >> 3] = (filter[type >> 3] as number) & ~(1 << (type & 7));
  set(IPPROTO_ICMPV6, ICMP6_FILTER, filter);
  set(SOL_SOCKET, SO_BINDTODEVICE, encode(`${link.name}\0`));
  for (const group of groups) {
    // struct ipv6_mreq: the group, u32 index
    const request = new Uint8Array(20);
    request.set(group);
    set32(request, 16, link.index);
    set(IPPROTO_IPV6, IPV6_JOIN_GROUP, request);
  }
  return fd;
}

export function sendFrame(fd: number, frame: Uint8Array, link: Link): void {
  check(port.write(fd, frame, frame.length), "write", link.name);
}

/** What has come in at the socket; undefined where nothing has. */
export function receiveFrame(fd: number): Uint8Array | undefined {
  const buffer = new Uint8Array(2048);
  const length = port.recv(fd, buffer, buffer.length, MSG_DONTWAIT);
  if (length === -Errno.EAGAIN || length === -Errno.EINTR || length === -Errno.ENETDOWN) return undefined;
  return buffer.subarray(0, check(length, "recv", "socket"));
}

/** Waits until something has come in at one of the sockets, or the time is over. */
export function waitFor(fds: readonly number[], milliseconds: number): void {
  // struct pollfd: s32 fd, u16 events, u16 what happened
  const bytes = new Uint8Array(8 * fds.length);
  fds.forEach((fd, i) => {
    set32(bytes, 8 * i, fd);
    bytes[8 * i + 4] = POLLIN;
  });
  const result = port.poll(bytes, fds.length, milliseconds);
  if (result !== -Errno.EINTR) check(result, "poll");
}
