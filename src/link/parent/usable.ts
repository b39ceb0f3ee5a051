import { ErrorCode, PluginError } from "../../errors.ts";
import { IFF_LOOPBACK, IFF_UP } from "../../netlink/constants.ts";
import { type Link, linksOn } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";

/** Whose ports hand all that they receive to the driver itself, so that the kernel answers EBUSY. Not so a VRF's, say. */
const receivers: readonly (string | undefined)[] = ["bridge", "bond", "team", "openvswitch"];

/** Refuses, with the reason in words, links on which the kernel makes no ipvlan or one that would carry nothing. */
export function refuseUnusable(link: Link): void {
  if ((link.flags & IFF_LOOPBACK) !== 0) throw refused(link.name, "a loopback device carries no ipvlan");
  if (link.kind === "ipvlan") {
    throw refused(link.name, "it is an ipvlan interface itself; use its own parent");
  }
  if (link.controller !== undefined && receivers.includes(link.portKind)) throw refused(link.name, portReason(link));
  refuseDown(link);
}

/** A VLAN's base, likewise. */
export function refuseAsBase(link: Link): void {
  if ((link.flags & IFF_LOOPBACK) !== 0) throw refused(link.name, "a loopback device carries no VLAN");
  refuseDown(link);
}

/** An mtu that the link has not: larger packets would be lost. @param mtu bytes; 0: the link's */
export function refuseMtu(link: Link, mtu: number): void {
  if (mtu <= link.mtu) return;
  const message = `mtu ${mtu} is larger than the parent's: ${link.name} has ${link.mtu}`;
  throw new PluginError(ErrorCode.invalidConfiguration, message, "/mtu");
}

function refuseDown({ flags, name }: Link): void {
  if ((flags & IFF_UP) === 0) throw refused(name, `it is down: ip link set ${name} up`);
}

function portReason({ portKind }: Link): string {
  return `it is a port of a ${portKind}; use the ${portKind} itself as the parent`;
}

/** Why the kernel answers EBUSY for an ipvlan on this link: another driver receives all its packets. */
export function explainBusy(socket: NetlinkSocket, parent: Link): PluginError {
  const above = macvlanOn(socket, parent);
  if (above !== undefined) {
    const reason = `it is the lower device of the ${above.kind} ${above.name}, and a link carries either macvlan or ipvlan`;
    return refused(parent.name, reason);
  }
  return refused(
    parent.name,
    parent.controller !== undefined && parent.portKind !== undefined
      ? portReason(parent)
      : "another driver (macvlan, bridge, bond, team, Open vSwitch) uses it already, maybe from another namespace",
  );
}

export function macvlanOn(socket: NetlinkSocket, parent: Link): Link | undefined {
  return linksOn(socket, parent.index, "macvlan")[0] ?? linksOn(socket, parent.index, "macvtap")[0];
}

export function refused(name: string, reason: string, details = "/master"): PluginError {
  return new PluginError(ErrorCode.parent, `parent ${name} cannot carry ipvlan: ${reason}`, details);
}
