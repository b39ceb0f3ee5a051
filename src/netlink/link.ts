import { Errno } from "../system/errno.ts";
import { encode } from "../system/text.ts";
import {
  type Attribute,
  bytesAttribute,
  nestAttribute,
  readAttribute,
  readAttributes,
  readString,
  readU16,
  readU32,
  stringAttribute,
  u16Attribute,
  u32Attribute,
} from "./attributes.ts";
import { getS32, getU32, set32 } from "./bytes.ts";
import * as k from "./constants.ts";
import type { Request } from "./message.ts";
import { dump, exchange, type NetlinkSocket, type Outcome, search } from "./socket.ts";

/** A link as the kernel describes it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFF_* */
  readonly flags: number;
  /** Bytes. */
  readonly mtu: number;
  /** Hardware address; empty where there is none. */
  readonly address: Uint8Array;
  /** Index of the lower device; in the namespace `lowerNamespace` where that is given. */
  readonly lower: number | undefined;
  /** The nsid of the lower device's namespace, where that is another one. */
  readonly lowerNamespace: number | undefined;
  /** Index of the bridge, bond, … that this link is a port of. */
  readonly controller: number | undefined;
  /** "ipvlan", "vlan", "dummy", …; undefined for hardware. */
  readonly kind: string | undefined;
  /** "bridge", "bond", …: what it is a port of. */
  readonly portKind: string | undefined;
  readonly alias: string;
  /** Of kind "ipvlan". */
  readonly ipvlan: { readonly mode: number; readonly flags: number } | undefined;
  /** Of kind "vlan" with the protocol 802.1Q: its id. */
  readonly vlanId: number | undefined;
}

/** struct ifinfomsg: u8 family, u8 pad, u16 type, s32 index, u32 flags, u32 change. */
function ifinfomsg(index: number, flags = 0, change = 0): Uint8Array {
  const header = new Uint8Array(16);
  set32(header, 4, index);
  set32(header, 8, flags);
  set32(header, 12, change);
  return header;
}

/** Reads the payload of an RTM_NEWLINK. */
export function readLink(payload: Uint8Array): Link {
  const attributes = readAttributes(payload, 16);
  // Of these nests have few attributes, of which few are asked for.
  const info = attributes.get(k.IFLA_LINKINFO) ?? nothing;
  const kind = readString(readAttribute(info, 0, k.IFLA_INFO_KIND));
  return {
    index: getS32(payload, 4),
    flags: getU32(payload, 8),
    name: readString(attributes.get(k.IFLA_IFNAME)) ?? "",
    mtu: readU32(attributes.get(k.IFLA_MTU)) ?? 0,
    address: attributes.get(k.IFLA_ADDRESS)?.slice() ?? new Uint8Array(0),
    lower: readU32(attributes.get(k.IFLA_LINK)),
    lowerNamespace: readU32(attributes.get(k.IFLA_LINK_NETNSID)),
    controller: readU32(attributes.get(k.IFLA_MASTER)),
    kind,
    portKind: readString(readAttribute(info, 0, k.IFLA_INFO_SLAVE_KIND)),
    alias: readString(attributes.get(k.IFLA_IFALIAS)) ?? "",
    ipvlan: kind === "ipvlan" ? readPort(readAttribute(info, 0, k.IFLA_INFO_DATA) ?? nothing) : undefined,
    vlanId: kind === "vlan" ? readVlanId(readAttribute(info, 0, k.IFLA_INFO_DATA) ?? nothing) : undefined,
  };
}

const nothing = new Uint8Array();

function readPort(data: Uint8Array): Link["ipvlan"] {
  return {
    mode: readU16(readAttribute(data, 0, k.IFLA_IPVLAN_MODE)) ?? 0,
    flags: readU16(readAttribute(data, 0, k.IFLA_IPVLAN_FLAGS)) ?? 0,
  };
}

/** None of a VLAN whose protocol is the provider's (ETH_P_8021AD, in the network's byte order): another VLAN of the same id. */
function readVlanId(data: Uint8Array): number | undefined {
  const protocol = readAttribute(data, 0, k.IFLA_VLAN_PROTOCOL);
  const is8021ad = protocol?.[0] === 0x88 && protocol[1] === 0xa8;
  return is8021ad ? undefined : readU16(readAttribute(data, 0, k.IFLA_VLAN_ID));
}

/** The link of this name in the socket's namespace; undefined where there is none. */
export function linkByName(socket: NetlinkSocket, name: string): Link | undefined {
  return getLink(socket, nameQuery(name));
}

/** @param nsid of another namespace, see {@link knownNamespaces} */
export function linkByIndex(socket: NetlinkSocket, index: number, nsid?: number): Link | undefined {
  return getLink(socket, linkQuery(index, nsid));
}

/**
 * Asks for a link by its name or one of its alternative names (ip link property add), as {@link linkQuery} by its index. Kernels
 * before 5.5, which know no long names, answer EINVAL to one.
 */
export function nameQuery(name: string): Request {
  const attribute = encode(name).length < k.IFNAMSIZ ? k.IFLA_IFNAME : k.IFLA_ALT_IFNAME;
  return query(ifinfomsg(0), [stringAttribute(attribute, name)], `look up ${name}`);
}

/** Asks for a link; the answer's payload is for {@link readLink}. */
export function linkQuery(index: number, nsid?: number): Request {
  return query(ifinfomsg(index), inNamespace(nsid), `look up link ${index}`);
}

/** Of a request that is about another namespace than the socket's. */
function inNamespace(nsid: number | undefined): Attribute[] {
  return nsid === undefined ? [] : [u32Attribute(k.IFLA_TARGET_NETNSID, nsid)];
}

function query(header: Uint8Array, attributes: readonly Attribute[], what: string): Request {
  return { type: k.RTM_GETLINK, flags: k.NLM_F_REQUEST, header, attributes: [withoutStatistics, ...attributes], what };
}

/** Counting a link's packets, on every processor, takes the kernel longer than all the rest of its description. */
const withoutStatistics = u32Attribute(k.IFLA_EXT_MASK, k.RTEXT_FILTER_SKIP_STATS);

function getLink(socket: NetlinkSocket, request: Request): Link | undefined {
  return foundLink(exchange(socket, [request])[0]);
}

/** The link in the answer to {@link nameQuery} or {@link linkQuery}; undefined where there is none. @throws NetlinkError */
export function foundLink(outcome: Outcome): Link | undefined {
  if (outcome instanceof Uint8Array) return readLink(outcome);
  if (outcome === undefined || outcome.errno === Errno.ENODEV || outcome.errno === Errno.EINVAL) return undefined;
  throw outcome;
}

/** Every link of the socket's namespace. */
export function allLinks(socket: NetlinkSocket): Link[] {
  return dumpLinks(socket, []).map(readLink);
}

/** Every link of this kind in the socket's namespace. */
export function linksOfKind(socket: NetlinkSocket, kind: string): Link[] {
  // A kernel that has not loaded this kind, or knows no filter, answers with every link.
  return dumpLinks(socket, [linkInfo(kind, [])])
    .map(readLink)
    .filter((link) => link.kind === kind);
}

/**
 * Looks for something among the links of this kind that stand on the link with index `lower`, in the socket's namespace: of others
 * the kernel lists none. It picks the kind, but not the lower link.
 * @returns what `look` returned first, but for undefined
 */
export function searchOn<T>(
  socket: NetlinkSocket,
  lower: number,
  kind: string,
  look: (link: Link) => T | undefined,
): T | undefined {
  return search(socket, linkList([linkInfo(kind, [])]), (payload) => {
    const link = isOn(payload, lower) ? readLink(payload) : undefined;
    // A kernel that has not loaded this kind, or knows no filter, answers with every link.
    return link?.kind === kind ? look(link) : undefined;
  });
}

/** A link that stands on the link with index `lower`, in the socket's namespace. */
export function linkStandingOn(socket: NetlinkSocket, lower: number): Link | undefined {
  return search(socket, linkList([]), (payload) => (isOn(payload, lower) ? readLink(payload) : undefined));
}

/** All links of these kinds that stand on the link with index `lower`, see {@link searchOn}. */
export function linksOn(socket: NetlinkSocket, lower: number, ...kinds: readonly string[]): Link[] {
  const found: Link[] = [];
  for (const kind of kinds) {
    const payloads = dumpLinks(socket, [linkInfo(kind, [])]);
    const [first] = payloads;
    // A kernel that has not loaded this kind, or knows no filter, answers with every link, lo first.
    const isFiltered = first === undefined || readLink(first).kind === kind;
    const wanted = isFiltered ? [kind] : kinds;
    const links = payloads.filter((payload) => isOn(payload, lower)).map(readLink);
    found.push(...links.filter((link) => link.kind !== undefined && wanted.includes(link.kind)));
    if (!isFiltered) break;
  }
  return found;
}

/** Whether an RTM_NEWLINK's link stands on `lower`: without reading all of it, for there may be thousands. */
function isOn(payload: Uint8Array, lower: number): boolean {
  if (readU32(readAttribute(payload, 16, k.IFLA_LINK)) !== lower) return false;
  return readAttribute(payload, 16, k.IFLA_LINK_NETNSID) === undefined;
}

function dumpLinks(socket: NetlinkSocket, attributes: readonly Attribute[]): Uint8Array[] {
  return dump(socket, linkList(attributes));
}

function linkList(attributes: readonly Attribute[]): Request {
  return query(ifinfomsg(0), attributes, "list links");
}

export interface IpvlanOptions {
  readonly name: string;
  /** Of the link to be made; 0: the kernel's choice. */
  readonly index: number;
  /** Index of the lower device in the socket's namespace. */
  readonly lower: number;
  /** File descriptor of the network namespace in which the link is made; undefined: the socket's own. */
  readonly namespaceFd: number | undefined;
  /** Bytes; 0: the lower device's. */
  readonly mtu: number;
  /** IPVLAN_MODE_* */
  readonly mode: number;
  /** IPVLAN_F_* */
  readonly flags: number;
}

export function createIpvlan(options: IpvlanOptions): Request {
  const attributes = [stringAttribute(k.IFLA_IFNAME, options.name), u32Attribute(k.IFLA_LINK, options.lower)];
  if (options.namespaceFd !== undefined) attributes.push(u32Attribute(k.IFLA_NET_NS_FD, options.namespaceFd));
  if (options.mtu !== 0) attributes.push(u32Attribute(k.IFLA_MTU, options.mtu));
  attributes.push(
    linkInfo("ipvlan", [
      u16Attribute(k.IFLA_IPVLAN_MODE, options.mode),
      u16Attribute(k.IFLA_IPVLAN_FLAGS, options.flags),
    ]),
  );
  return create(attributes, `create ipvlan ${options.name}`, options.index);
}

/** An 802.1Q sub-interface of the link with index `lower`, up at once. @param index its own; 0: the kernel's choice */
export function createVlan(name: string, lower: number, vid: number, index: number): Request {
  return create(
    [
      stringAttribute(k.IFLA_IFNAME, name),
      u32Attribute(k.IFLA_LINK, lower),
      linkInfo("vlan", [u16Attribute(k.IFLA_VLAN_ID, vid)]),
    ],
    `create vlan ${name}`,
    index,
    k.IFF_UP,
  );
}

/** Up at once. @param index its own; 0: the kernel's choice. @param mtu bytes; 0: the kernel's 1500 */
export function createDummy(name: string, index: number, mtu: number): Request {
  const attributes = [stringAttribute(k.IFLA_IFNAME, name)];
  if (mtu !== 0) attributes.push(u32Attribute(k.IFLA_MTU, mtu));
  attributes.push(linkInfo("dummy", []));
  return create(attributes, `create dummy ${name}`, index, k.IFF_UP);
}

function linkInfo(kind: string, data: readonly Attribute[]): Attribute {
  const info = [stringAttribute(k.IFLA_INFO_KIND, kind)];
  if (data.length > 0) info.push(nestAttribute(k.IFLA_INFO_DATA, data));
  return nestAttribute(k.IFLA_LINKINFO, info);
}

function create(attributes: Attribute[], what: string, index: number, linkFlags = 0): Request {
  const flags = k.NLM_F_REQUEST | k.NLM_F_ACK | k.NLM_F_CREATE | k.NLM_F_EXCL;
  return { type: k.RTM_NEWLINK, flags, header: ifinfomsg(index, linkFlags, linkFlags), attributes, what };
}

/** Gives a link its alias: at most 255 bytes, and a NUL would count. */
export function setAliasByIndex(index: number, alias: string): Request {
  return {
    type: k.RTM_NEWLINK,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK,
    header: ifinfomsg(index),
    attributes: [bytesAttribute(k.IFLA_IFALIAS, encode(alias))],
    what: `set the alias of link ${index}`,
  };
}

/**
 * Sets a link up and gives it an alias (at most 255 bytes, and a NUL would count).
 * @param name for the error message alone. Index and name together ask for a rename, which kernels before 6.2 refuse to a link
 *   that is up, as an IPAM may have set it, even where it has the name already (net/core/dev.c, dev_change_name).
 */
export function setUp(index: number, name: string, alias: string): Request {
  return {
    type: k.RTM_NEWLINK,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK,
    header: ifinfomsg(index, k.IFF_UP, k.IFF_UP),
    attributes: [bytesAttribute(k.IFLA_IFALIAS, encode(alias))],
    what: `set ${name} up`,
  };
}

/**
 * Gives a link its alias, and has the kernel tell the neighbours of the addresses that it has whenever it is set up or gets
 * another hardware address: the setting net.ipv4.conf.LINK.arp_notify, as netlink has it (net/ipv4/devinet.c,
 * inet_set_link_af).
 */
export function setNotifying(index: number, alias: string): Request {
  const settings = nestAttribute(k.IFLA_INET_CONF, [u32Attribute(k.IPV4_DEVCONF_ARP_NOTIFY, 1)]);
  return {
    type: k.RTM_NEWLINK,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK,
    header: ifinfomsg(index),
    attributes: [
      bytesAttribute(k.IFLA_IFALIAS, encode(alias)),
      nestAttribute(k.IFLA_AF_SPEC, [nestAttribute(k.AF_INET, [settings])]),
    ],
    what: `set the alias of link ${index}`,
  };
}

/** Gives an alias to the link that has the name, which may be one made in the same send. */
export function setAlias(name: string, alias: string): Request {
  return setByName(name, [bytesAttribute(k.IFLA_IFALIAS, encode(alias))], `set the alias of ${name}`);
}

/** Keeps IPv6 from making a link-local address. The kernel answers EAFNOSUPPORT where the link has no IPv6. */
export function setWithoutLinkLocal(name: string): Request {
  const mode = bytesAttribute(k.IFLA_INET6_ADDR_GEN_MODE, new Uint8Array([k.IN6_ADDR_GEN_MODE_NONE]));
  const settings = nestAttribute(k.IFLA_AF_SPEC, [nestAttribute(k.AF_INET6, [mode])]);
  return setByName(name, [settings], `set the IPv6 address mode of ${name}`);
}

/** Sets flags (IFF_*). */
export function setFlags(name: string, flags: number): Request {
  return setByName(name, [], `set flags ${flags} of ${name}`, flags);
}

function setByName(name: string, attributes: readonly Attribute[], what: string, flags = 0): Request {
  return {
    type: k.RTM_NEWLINK,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK,
    header: ifinfomsg(0, flags, flags),
    attributes: [stringAttribute(k.IFLA_IFNAME, name), ...attributes],
    what,
  };
}

export function deleteLink(index: number, name: string, nsid?: number): Request {
  return {
    type: k.RTM_DELLINK,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK,
    header: ifinfomsg(index),
    attributes: inNamespace(nsid),
    what: `delete ${name}`,
  };
}
