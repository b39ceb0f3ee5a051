import type { ParentChoice, Vlan } from "../../config/network-config.ts";
import { ErrorCode, PluginError } from "../../errors.ts";
import { contains, type Family, formatPrefix, type Prefix } from "../../ip/address.ts";
import { allAddresses } from "../../netlink/address.ts";
import { RT_TABLE_MAIN } from "../../netlink/constants.ts";
import { linkByIndex } from "../../netlink/link.ts";
import { allRoutes } from "../../netlink/route.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";

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
