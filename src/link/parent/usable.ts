import { ErrorCode, PluginError } from "../../errors.ts";
import { IFF_LOOPBACK, IFF_UP } from "../../netlink/constants.ts";
import { allLinks, type Link } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import type { NamedParent } from "./choose.ts";

/** Refuses, with the reason in words, links on which the kernel makes no ipvlan or one that would carry nothing. */
export function refuseUnusable(link: Link, parent: NamedParent): void {
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

export function macvlanOn(socket: NetlinkSocket, parent: Link): Link | undefined {
  return allLinks(socket).find(
    ({ kind, lower, lowerNamespace }) =>
      (kind === "macvlan" || kind === "macvtap") && lower === parent.index && lowerNamespace === undefined,
  );
}

export function refused(name: string, reason: string): PluginError {
  return new PluginError(ErrorCode.parent, `parent ${name} cannot carry ipvlan: ${reason}`, "/master");
}
