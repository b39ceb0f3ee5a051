import type { ParentChoice, Vlan } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { contains, type Family, formatAddress, formatPrefix, type Prefix } from "../ip/address.ts";
import { allAddresses } from "../netlink/address.ts";
import { IFF_LOOPBACK, IFF_UP, RT_TABLE_MAIN } from "../netlink/constants.ts";
import {
  allLinks,
  createDummy,
  createVlan,
  deleteLink,
  type Link,
  linkByIndex,
  linkByName,
  nameQuery,
  readLink,
  setUp,
} from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
import { allRoutes } from "../netlink/route.ts";
import { exchange, NetlinkError, type NetlinkSocket } from "../netlink/socket.ts";
import { Errno } from "../system/errno.ts";

/** `ifalias` of the links that this plugin made and may take away again: the mark lives and dies with the link. */
const mark = "made by ipvlan-cni";

export function isOurs(link: Link): boolean {
  return link.alias === mark;
}

/**
 * Whether a link of this name can be one that this plugin has made: BASE.VID or di-NETWORK. Saves the question what it is. One
 * that was renamed by hand since is left to GC.
 */
export function mayBeOurs(name: string): boolean {
  return name.includes(".") || name.startsWith("di-");
}

/** A parent by name, with what to make if there is no such link. */
export interface NamedParent {
  readonly name: string;
  readonly vlan: Vlan | undefined;
  readonly dummy: boolean;
}

/** Turns a choice into a name: what remains open after the configuration was read is decided by the links of this node. */
export function nameParent(socket: NetlinkSocket, choice: ParentChoice): NamedParent {
  switch (choice.kind) {
    case "named":
      return { name: choice.name, vlan: choice.vlan, dummy: false };
    case "chained":
      return { name: choice.name, vlan: undefined, dummy: false };
    case "dummy":
      return { name: choice.name, vlan: undefined, dummy: true };
    case "defaultRoute":
      return onBase(defaultRouteLink(socket, choice.family), choice.vlan);
    case "subnet":
      return onBase(linkInSubnet(socket, choice.subnet), choice.vlan);
  }
}

function onBase(base: string, vid: number | undefined): NamedParent {
  if (vid === undefined) return { name: base, vlan: undefined, dummy: false };
  const name = `${base}.${vid}`;
  if (name.length > 15) {
    throw new PluginError(
      ErrorCode.invalidConfiguration,
      `the name ${name} of VLAN ${vid}'s sub-interface is longer than the kernel's 15 characters: ` +
        `make a sub-interface with a shorter name by hand and name it as "master"`,
      "/vlan",
    );
  }
  return { name, vlan: { base, vid }, dummy: false };
}

function defaultRouteLink(socket: NetlinkSocket, family: Family): string {
  const indexes = new Set<number>();
  for (const { dst, table, interfaces } of allRoutes(socket, family)) {
    if (dst.length === 0 && table === RT_TABLE_MAIN) for (const index of interfaces) indexes.add(index);
  }
  return onlyLink(socket, indexes, `an IPv${family} default route`, "/master/defaultRoute");
}

function linkInSubnet(socket: NetlinkSocket, subnet: Prefix): string {
  const indexes = new Set<number>();
  for (const { index, prefix } of allAddresses(socket)) if (contains(subnet, prefix.address)) indexes.add(index);
  return onlyLink(socket, indexes, `an address in ${formatPrefix(subnet)}`, "/master/subnet");
}

function onlyLink(socket: NetlinkSocket, indexes: Set<number>, what: string, pointer: string): string {
  const names = [...indexes].map((index) => linkByIndex(socket, index)?.name ?? `link ${index}`);
  const [name] = names;
  if (name !== undefined && names.length === 1) return name;
  const found = names.length === 0 ? "no link has" : `${names.join(", ")} have`;
  throw new PluginError(ErrorCode.parent, `${found} ${what}, one is needed: name the parent as "master"`, pointer);
}

/**
 * The parent's link, made where it is missing and may be made. Call it under the parent's lock.
 * @returns `made`: by this call
 */
export function ensureParent(socket: NetlinkSocket, parent: NamedParent): { link: Link; made: boolean } {
  const existing = linkByName(socket, parent.name);
  if (existing !== undefined) {
    refuseUnusable(existing, parent);
    return { link: existing, made: false };
  }
  const creation = parent.dummy ? createDummy(parent.name) : vlanCreation(socket, parent);
  // One send for all: a process that is ended in between would leave a link without the mark, for ever.
  const { name } = parent;
  const [failure, upFailure, found] = exchange(socket, [creation, setUp(0, name, mark), nameQuery(name)]);
  if (failure instanceof NetlinkError) throw refusedCreation(failure, parent);
  const failed = [upFailure, found].find((outcome) => outcome instanceof NetlinkError);
  if (failed !== undefined || !(found instanceof Uint8Array)) {
    if (found instanceof Uint8Array) exchange(socket, [deleteLink(readLink(found).index, name)]);
    throw new PluginError(ErrorCode.parent, `parent ${name} could not be set up`, failed?.message);
  }
  return { link: readLink(found), made: true };
}

/**
 * Whether {@link ensureParent} and an ipvlan on the parent would succeed now; makes nothing.
 * @returns the parent's link, if it is there already
 * @throws PluginError with the reason
 */
export function checkParentUsable(socket: NetlinkSocket, parent: NamedParent): Link | undefined {
  const existing = linkByName(socket, parent.name);
  if (existing === undefined) {
    if (!parent.dummy) vlanCreation(socket, parent);
    return undefined;
  }
  refuseUnusable(existing, parent);
  if (macvlanOn(socket, existing) !== undefined) throw explainBusy(socket, existing);
  return existing;
}

function vlanCreation(socket: NetlinkSocket, { name, vlan }: NamedParent): Request {
  if (vlan === undefined) {
    const reason = /\.\d+$/.test(name)
      ? "cannot be made: a VLAN id is a number from 1 to 4094"
      : "its name is not BASE.VID of a VLAN that could be made: ip link show lists the links there are";
    throw new PluginError(ErrorCode.parent, `parent ${name} does not exist, and ${reason}`, "/master");
  }
  const base = linkByName(socket, vlan.base);
  if (base === undefined) {
    throw new PluginError(
      ErrorCode.parent,
      `parent ${name} does not exist and cannot be made: there is no link ${vlan.base} for VLAN ${vlan.vid}`,
      "/master",
    );
  }
  if ((base.flags & IFF_LOOPBACK) !== 0) throw refused(base.name, "a loopback device carries no VLAN");
  if ((base.flags & IFF_UP) === 0) throw refused(base.name, `it is down: ip link set ${base.name} up`);
  return createVlan(name, base.index, vlan.vid);
}

function refusedCreation(failure: NetlinkError, { name, vlan }: NamedParent): PluginError {
  const hint =
    failure.errno === Errno.EOPNOTSUPP
      ? `: the kernel has no ${vlan === undefined ? "dummy" : "8021q"} module (modprobe ${vlan === undefined ? "dummy" : "8021q"})`
      : failure.errno === Errno.EEXIST && vlan !== undefined
        ? `: VLAN ${vlan.vid} on ${vlan.base} exists under another name; name that link as "master"`
        : "";
  return new PluginError(ErrorCode.parent, `parent ${name} could not be made${hint}`, failure.message);
}

/** Refuses, with the reason in words, links on which the kernel makes no ipvlan or one that would carry nothing. */
function refuseUnusable(link: Link, parent: NamedParent): void {
  if (parent.dummy && link.kind !== "dummy") {
    throw refused(
      link.name,
      `an isolated network needs a dummy link of this name, and this one is ${link.kind ?? "hardware"}`,
    );
  }
  if ((link.flags & IFF_LOOPBACK) !== 0) throw refused(link.name, "a loopback device carries no ipvlan");
  if (link.kind === "ipvlan") {
    throw refused(link.name, "it is an ipvlan interface itself; use its own parent");
  }
  if (link.portKind !== undefined && link.controller !== undefined) {
    throw refused(link.name, `it is a port of a ${link.portKind}; use the ${link.portKind} itself as the parent`);
  }
  if ((link.flags & IFF_UP) === 0) throw refused(link.name, `it is down: ip link set ${link.name} up`);
}

/** Why the kernel answers EBUSY for an ipvlan on this link: another driver receives all its packets. */
export function explainBusy(socket: NetlinkSocket, parent: Link): PluginError {
  const above = macvlanOn(socket, parent);
  return refused(
    parent.name,
    above === undefined
      ? "another driver (macvlan, bridge, bond, team, Open vSwitch) uses it already, maybe from another namespace"
      : `it is the lower device of the ${above.kind} ${above.name}, and a link carries either macvlan or ipvlan`,
  );
}

function macvlanOn(socket: NetlinkSocket, parent: Link): Link | undefined {
  return allLinks(socket).find(
    ({ kind, lower, lowerNamespace }) =>
      (kind === "macvlan" || kind === "macvtap") && lower === parent.index && lowerNamespace === undefined,
  );
}

function refused(name: string, reason: string): PluginError {
  return new PluginError(ErrorCode.parent, `parent ${name} cannot carry ipvlan: ${reason}`, "/master");
}

/** Warnings for L3 networks whose subnet is the parent's own: the host would look for the containers on the wire. */
export function overlapWarnings(socket: NetlinkSocket, parent: Link, subnets: readonly Prefix[]): string[] {
  const warnings: string[] = [];
  for (const { index, prefix } of allAddresses(socket)) {
    if (index !== parent.index || (prefix.address.family === 6 && prefix.address.value >> 118n === 0x3fan)) continue;
    for (const subnet of subnets) {
      if (contains(subnet, prefix.address)) {
        warnings.push(
          `subnet ${formatPrefix(subnet)} holds ${parent.name}'s own address ${formatAddress(prefix.address)}: in mode l3 and l3s ` +
            `the containers' subnets must differ from the parent's`,
        );
      }
    }
  }
  return warnings;
}
