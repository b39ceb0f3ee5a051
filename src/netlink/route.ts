import { type Address, bitsOf, type Family, formatAddress, fromBytes, type Prefix, toBytes } from "../ip/address.ts";
import { Errno } from "../system/errno.ts";
import { addressFamily } from "./address.ts";
import {
  align,
  bytesAttribute,
  nestAttribute,
  readAttribute,
  readAttributes,
  readU32,
  u32Attribute,
} from "./attributes.ts";
import { getS32, getU16, set32 } from "./bytes.ts";
import * as k from "./constants.ts";
import type { Request } from "./message.ts";
import { dump, exchange, NetlinkError, type NetlinkSocket, search } from "./socket.ts";
import { dumpStrictly } from "./strict.ts";

/** A route as this plugin adds it. Undefined: the kernel's own default. */
export interface RouteOptions {
  readonly dst: Prefix;
  readonly gw?: Address | undefined;
  /** Bytes. */
  readonly mtu?: number | undefined;
  /** Bytes. */
  readonly advmss?: number | undefined;
  readonly priority?: number | undefined;
  readonly table?: number | undefined;
  /** RT_SCOPE_* */
  readonly scope?: number | undefined;
  /** The address that the namespace's own packets to the destination come from. */
  readonly src?: Address | undefined;
  /** RTPROT_*: whose the route is. */
  readonly protocol?: number | undefined;
  /** RTN_* */
  readonly type?: number | undefined;
  /** The next hop is on the link, whatever the link's subnets. */
  readonly onlink?: boolean | undefined;
}

/** A route as the kernel lists it. */
export interface KernelRoute {
  readonly dst: Prefix;
  readonly gw: Address | undefined;
  /** Interfaces: one, or several of a multipath route. */
  readonly interfaces: readonly number[];
  readonly table: number;
  readonly priority: number;
  readonly scope: number;
  readonly src: Address | undefined;
  /** RTPROT_* */
  readonly protocol: number;
  /** RTN_* */
  readonly type: number;
}

/** struct rtmsg: u8 family, dst_len, src_len, tos, table, protocol, scope, type; u32 flags. */
function rtmsg(family: number, length = 0, table = 0, protocol = 0, scope = 0, type = 0, flags = 0): Uint8Array {
  const header = new Uint8Array(12);
  header[0] = family;
  header[1] = length;
  // A table over 255 is told by RTA_TABLE alone.
  header[4] = table > 255 ? 0 : table;
  header[5] = protocol;
  header[6] = scope;
  header[7] = type;
  set32(header, 8, flags);
  return header;
}

/** Adds a route over the link `index`. Without a gateway its scope is the link's, as iproute2 chooses too. */
export function addRoute(index: number, route: RouteOptions): Request {
  return change(k.RTM_NEWROUTE, k.NLM_F_CREATE | k.NLM_F_EXCL, index, route);
}

/** As {@link addRoute}, in the place of a route of the same destination, table and priority if there is one. */
export function putRoute(index: number, route: RouteOptions): Request {
  return change(k.RTM_NEWROUTE, k.NLM_F_CREATE | k.NLM_F_REPLACE, index, route);
}

/** Removes the first route that is as described; 0 as `index`: over whatever link. The kernel answers ESRCH where there is none. */
export function deleteRoute(index: number, route: RouteOptions): Request {
  return change(k.RTM_DELROUTE, 0, index, route);
}

function change(type: number, flags: number, index: number, route: RouteOptions): Request {
  const { family } = route.dst.address;
  const table = route.table ?? k.RT_TABLE_MAIN;
  const scope = route.scope ?? (route.gw === undefined && family === 4 ? k.RT_SCOPE_LINK : k.RT_SCOPE_UNIVERSE);
  const attributes = index === 0 ? [] : [u32Attribute(k.RTA_OIF, index)];
  if (route.dst.length > 0) attributes.push(bytesAttribute(k.RTA_DST, toBytes(route.dst.address)));
  if (route.gw !== undefined) attributes.push(bytesAttribute(k.RTA_GATEWAY, toBytes(route.gw)));
  if (route.src !== undefined) attributes.push(bytesAttribute(k.RTA_PREFSRC, toBytes(route.src)));
  if (route.priority !== undefined) attributes.push(u32Attribute(k.RTA_PRIORITY, route.priority));
  if (table > 255) attributes.push(u32Attribute(k.RTA_TABLE, table));
  const metrics = [];
  if (route.mtu !== undefined) metrics.push(u32Attribute(k.RTAX_MTU, route.mtu));
  if (route.advmss !== undefined) metrics.push(u32Attribute(k.RTAX_ADVMSS, route.advmss));
  if (metrics.length > 0) attributes.push(nestAttribute(k.RTA_METRICS, metrics));
  const { protocol = k.RTPROT_BOOT, type: routeType = k.RTN_UNICAST, onlink } = route;
  return {
    type,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK | flags,
    header: rtmsg(
      addressFamily(family),
      route.dst.length,
      table,
      protocol,
      scope,
      routeType,
      onlink === true ? k.RTNH_F_ONLINK : 0,
    ),
    attributes,
    what: type === k.RTM_NEWROUTE ? "add route" : "remove route",
  };
}

/** Reads the payload of an RTM_NEWROUTE. */
export function readRoute(payload: Uint8Array): KernelRoute | undefined {
  const family: Family | undefined = payload[0] === k.AF_INET ? 4 : payload[0] === k.AF_INET6 ? 6 : undefined;
  if (family === undefined || payload.length < 12) return undefined;
  const attributes = readAttributes(payload, 12);
  const dst = attributes.get(k.RTA_DST);
  const gw = attributes.get(k.RTA_GATEWAY);
  const src = attributes.get(k.RTA_PREFSRC);
  const oif = readU32(attributes.get(k.RTA_OIF));
  return {
    dst: { address: dst === undefined ? { family, value: 0n } : fromBytes(dst), length: payload[1] as number },
    gw: gw === undefined ? undefined : fromBytes(gw),
    interfaces: oif === undefined ? nextHops(attributes.get(k.RTA_MULTIPATH)) : [oif],
    table: readU32(attributes.get(k.RTA_TABLE)) ?? (payload[4] as number),
    priority: readU32(attributes.get(k.RTA_PRIORITY)) ?? 0,
    src: src === undefined ? undefined : fromBytes(src),
    protocol: payload[5] as number,
    scope: payload[6] as number,
    type: payload[7] as number,
  };
}

/** struct rtnexthop: u16 length, u8 flags, u8 hops, s32 interface, then attributes. Those whose link is down lead nowhere. */
function nextHops(bytes: Uint8Array | undefined): number[] {
  const interfaces: number[] = [];
  if (bytes === undefined) return interfaces;
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = getU16(bytes, at);
    if (length < 8) break;
    if (((bytes[at + 2] as number) & k.RTNH_F_DEAD) === 0) interfaces.push(getS32(bytes, at + 4));
    at += align(length);
  }
  return interfaces;
}

/**
 * The entry of the routing tables that the kernel takes for packets to `address`, by its rules, tables and metrics. The error where
 * it takes none: ENETUNREACH where there is none, EHOSTUNREACH, EACCES or EINVAL where it is an unreachable, prohibit or blackhole
 * route.
 */
export function matchedRoute(socket: NetlinkSocket, address: Address): KernelRoute | NetlinkError {
  return askRoute(socket, address, k.RTM_F_FIB_MATCH | k.RTM_F_LOOKUP_TABLE);
}

function askRoute(socket: NetlinkSocket, address: Address, flags: number, link?: number): KernelRoute | NetlinkError {
  const { family } = address;
  const what = `look up the route to ${formatAddress(address)}`;
  const [outcome] = exchange(socket, [
    {
      type: k.RTM_GETROUTE,
      flags: k.NLM_F_REQUEST,
      header: rtmsg(addressFamily(family), bitsOf(family), 0, 0, 0, 0, flags),
      attributes: [
        bytesAttribute(k.RTA_DST, toBytes(address)),
        ...(link === undefined ? [] : [u32Attribute(k.RTA_OIF, link)]),
      ],
      what,
    },
  ]);
  if (outcome instanceof NetlinkError) return outcome;
  const route = outcome === undefined ? undefined : readRoute(outcome);
  return route ?? new NetlinkError(what, Errno.EPROTO, "the answer holds no route");
}

/** Every route of a family in the socket's namespace, all tables. */
export function allRoutes(socket: NetlinkSocket, family: Family): KernelRoute[] {
  // A kernel that was started with ipv6.disable=1 answers a question for IPv6 with the routes of the families it has.
  return dump(socket, routeList(family)).flatMap((payload) => {
    const route = readRoute(payload);
    return route?.dst.address.family === family ? [route] : [];
  });
}

function routeList(family: Family): Request {
  return {
    type: k.RTM_GETROUTE,
    flags: k.NLM_F_REQUEST,
    header: rtmsg(addressFamily(family)),
    attributes: [],
    what: "list routes",
  };
}

/**
 * The destinations of the main table's IPv4 routes that overlap one of these prefixes, default routes aside. Of the others no more is
 * read than it takes to pass over them.
 */
export function destinationsWithin(socket: NetlinkSocket, within: readonly Prefix[]): Prefix[] {
  const ranges = within.map(({ address, length }) => ({ bits: Number(address.value), length }));
  const found: Prefix[] = [];
  search(socket, routeList(4), (payload) => {
    const length = payload[1] as number;
    if (payload[0] !== k.AF_INET || payload[4] !== k.RT_TABLE_MAIN || length === 0) return undefined;
    const dst = readAttribute(payload, 12, k.RTA_DST);
    if (dst === undefined) return undefined;
    const bits =
      ((dst[0] as number) << 24) | ((dst[1] as number) << 16) | ((dst[2] as number) << 8) | (dst[3] as number);
    const overlaps = ranges.some((range) => (bits ^ range.bits) >>> (32 - Math.min(length, range.length)) === 0);
    if (overlaps) found.push({ address: fromBytes(dst), length });
    return undefined;
  });
  return found;
}

/** Which routes are listed: all of these hold. */
export interface RouteFilter {
  readonly family: Family;
  readonly table: number;
  /** RTPROT_* */
  readonly protocol: number;
  /** The link that they lead over. */
  readonly index?: number | undefined;
  /** RTN_*; default: unicast. */
  readonly type?: number | undefined;
}

/** The routes that pass the filter; the kernel does the picking, where it is 4.20 or newer. */
export function routesBy(socket: NetlinkSocket, filter: RouteFilter): KernelRoute[] {
  const { family, table, protocol, index, type = k.RTN_UNICAST } = filter;
  const request = {
    type: k.RTM_GETROUTE,
    flags: k.NLM_F_REQUEST,
    header: rtmsg(addressFamily(family), 0, table, protocol, 0, type),
    attributes: [u32Attribute(k.RTA_TABLE, table), ...(index === undefined ? [] : [u32Attribute(k.RTA_OIF, index)])],
    what: "list routes",
  };
  try {
    return dumpStrictly(socket, request).flatMap((payload) => {
      const route = readRoute(payload);
      const passes =
        route?.dst.address.family === family &&
        route.table === table &&
        route.protocol === protocol &&
        route.type === type &&
        (index === undefined || route.interfaces.includes(index));
      return passes ? [route] : [];
    });
  } catch (error) {
    // There is no such table yet.
    if (error instanceof NetlinkError && error.errno === Errno.ENOENT) return [];
    throw error;
  }
}

/**
 * The route that the namespace's own packets to the address take now, resolved to one link; RTN_LOCAL where the address is its own;
 * undefined where there is none, or it is no way out.
 * @param link index of the link over which they are to go; that of a VRF for the addresses of all of its links
 */
export function routeTo(socket: NetlinkSocket, address: Address, link?: number): KernelRoute | undefined {
  const route = askRoute(socket, address, 0, link);
  return route instanceof NetlinkError ? undefined : route;
}
