import type { Flag, Mode } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { describePort, flags, modes } from "../link/modes.ts";
import { hostLinkAlias, isHostLink } from "../link/parent/mark.ts";
import { IFF_NOARP, IFF_UP } from "../netlink/constants.ts";
import {
  createIpvlan,
  type Link,
  nameQuery,
  readLink,
  setAlias,
  setFlags,
  setWithoutLinkLocal,
} from "../netlink/link.ts";
import { exchange, NetlinkError, type NetlinkSocket, transact } from "../netlink/socket.ts";
import { Errno } from "../system/errno.ts";
import { writeSetting } from "./settings.ts";

/*
 * The host's way to the containers of a parent, and back: one more ipvlan on it, in the host's namespace. The kernel's ipvlans reach
 * each other and not the parent, so what the host sends by this one arrives. It has neither an address, with which it would take the
 * network's traffic for the host from the parent, nor ARP and ND, with which it would answer for the host a second time: without
 * them the kernel sends every packet to the link's own hardware address, which is that of all ipvlans of the parent.
 */

/** The name of a parent's host link: a link's index is not used again while the link exists. */
export function hostLinkName(parentIndex: number): string {
  return `ivh${parentIndex}`;
}

/** The index of the parent whose host link has the name; undefined for other names. */
export function parentIndexOf(name: string): number | undefined {
  const digits = /^ivh([1-9]\d{0,9})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Whether the link carries what the host sends to containers of such a port. */
export function isReady({ flags: set, ipvlan }: Link, mode: Mode, flag: Flag): boolean {
  return (
    ipvlan?.mode === modes[mode].number &&
    ipvlan.flags === flags[flag] &&
    (set & (IFF_UP | IFF_NOARP)) === (IFF_UP | IFF_NOARP)
  );
}

/**
 * The parent's host link, made where it is missing and set right where it was not finished, or was changed since. Call it under
 * the parent's lock.
 *
 * @param existing what has the name of the host link
 * @throws PluginError where that is something else
 */
export function ensureHostLink(
  host: NetlinkSocket,
  parent: Link,
  existing: Link | undefined,
  mode: Mode,
  flag: Flag,
): Link {
  const name = hostLinkName(parent.index);
  if (existing !== undefined) {
    if (isReady(existing, mode, flag) && isHostLink(existing)) return existing;
    refuseForeign(existing, parent, mode, flag);
  }
  const [modeNumber, flagNumber] = [modes[mode].number, flags[flag]];
  const options = { name, index: 0, lower: parent.index, namespaceFd: undefined, mtu: 0 };
  const creation = existing === undefined ? [createIpvlan({ ...options, mode: modeNumber, flags: flagNumber })] : [];
  const failures = transact(host, [...creation, setAlias(name, hostLinkAlias(parent)), setWithoutLinkLocal(name)]);
  // The kernel, or a link with an MTU of less than 1280, may have no IPv6.
  const failure = failures.find((error) => error !== undefined && error.errno !== Errno.EAFNOSUPPORT);
  if (failure !== undefined) throw notMade(parent, failure);
  // Before it is up: a router's advertisement would give the host addresses and a default route over it.
  for (const setting of ["accept_ra", "autoconf", "disable_ipv6"]) {
    writeSetting(`/proc/sys/net/ipv6/conf/${name}/${setting}`, "0");
  }
  // ARP is turned off when it is up: the kernel turns it on in mode l2 whenever an ipvlan is set up (ipvlan_open).
  const [upFailure, arpFailure, found] = exchange(host, [
    setFlags(name, IFF_UP),
    setFlags(name, IFF_NOARP),
    nameQuery(name),
  ]);
  const failed = [upFailure, arpFailure, found].find((outcome) => outcome instanceof NetlinkError);
  if (failed !== undefined || !(found instanceof Uint8Array)) throw notMade(parent, failed);
  return readLink(found);
}

function notMade(parent: Link, failure: NetlinkError | undefined): PluginError {
  const message = `the host's link on ${parent.name} could not be made`;
  return new PluginError(ErrorCode.kernel, message, failure?.message);
}

function refuseForeign(existing: Link, parent: Link, mode: Mode, flag: Flag): void {
  const { name, ipvlan } = existing;
  // One without an alias may come from an ADD that was killed.
  const isOurs = isHostLink(existing) || (existing.kind === "ipvlan" && existing.alias === "");
  if (!isOurs || ipvlan === undefined || existing.lower !== parent.index) {
    throw new PluginError(
      ErrorCode.hostAccess,
      `the link ${name}, whose name hostAccess needs on ${parent.name}, belongs to somebody else: rename it or delete it`,
      "/hostAccess",
    );
  }
  if (ipvlan.mode !== modes[mode].number || ipvlan.flags !== flags[flag]) {
    const present = describePort(ipvlan.mode, ipvlan.flags);
    const message = `the host's link ${name} on ${parent.name} is ${present} and not ${mode} ${flag}: GC, or ip link del ${name}`;
    throw new PluginError(ErrorCode.modeConflict, message, "/mode");
  }
}
