import type { ParentChoice } from "../../config/network-config.ts";
import { ErrorCode, PluginError } from "../../errors.ts";
import { contains, formatPrefix, type Prefix } from "../../ip/address.ts";
import { allAddresses } from "../../netlink/address.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { defaultRouteLink } from "./default-route.ts";
import { linkNames } from "./names.ts";

/** A link by its name, one of its alternative names, or its index. */
export type LinkReference = string | number;

/** The parent that is wanted on this node. */
export type WantedParent =
  /** This link, which must be there. */
  | { readonly kind: "link"; readonly link: LinkReference }
  /**
   * An 802.1Q sub-interface, made where it is missing.
   * @param name a link of this name is taken for it, whatever it is; undefined: nothing but this VLAN will do
   */
  | { readonly kind: "vlan"; readonly base: LinkReference; readonly vid: number; readonly name: string | undefined }
  /** The dummy link of an isolated network, made where it is missing. */
  | { readonly kind: "dummy"; readonly name: string };

/**
 * What remained open after the configuration was read is decided by the links, addresses and routes of this node.
 * @throws PluginError 100 where none fits, or several do
 */
export function chooseParent(socket: NetlinkSocket, choice: ParentChoice): WantedParent {
  switch (choice.kind) {
    case "named":
      return choice.vlan === undefined
        ? { kind: "link", link: choice.name }
        : { kind: "vlan", ...choice.vlan, name: choice.name };
    case "vlan":
      return { kind: "vlan", ...choice.vlan, name: undefined };
    case "chained":
      return { kind: "link", link: choice.name };
    case "dummy":
      return { kind: "dummy", name: choice.name };
    case "defaultRoute":
      return onBase(defaultRouteLink(socket, choice.family), choice.vlan);
    case "subnet":
      return onBase(linkInSubnet(socket, choice.subnet), choice.vlan);
  }
}

function onBase(base: number, vid: number | undefined): WantedParent {
  return vid === undefined ? { kind: "link", link: base } : { kind: "vlan", base, vid, name: undefined };
}

function linkInSubnet(socket: NetlinkSocket, subnet: Prefix): number {
  const addresses = allAddresses(socket).filter(({ prefix }) => contains(subnet, prefix.address));
  const indexes = [...new Set(addresses.map(({ index }) => index))];
  const [found] = indexes;
  if (found !== undefined && indexes.length === 1) return found;
  const who = found === undefined ? "no link has" : `${linkNames(socket, indexes)} have`;
  throw new PluginError(
    ErrorCode.parent,
    `${who} an address in ${formatPrefix(subnet)}, one is needed: name the parent as "master"`,
    "/master/subnet",
  );
}
