import { ErrorCode, PluginError } from "../../errors.ts";
import { type Address, type Family, parseAddress } from "../../ip/address.ts";
import { RT_TABLE_MAIN, RTN_UNICAST } from "../../netlink/constants.ts";
import { allRoutes, type KernelRoute, matchedRoute, routeTo } from "../../netlink/route.ts";
import { NetlinkError, type NetlinkSocket } from "../../netlink/socket.ts";
import { Errno } from "../../system/errno.ts";
import { linkNames } from "./names.ts";

/**
 * An address to which hardly any route leads but a default one: 240.0.0.0/4 and 4000::/3 are reserved, and in no routing table of
 * the Internet.
 */
const anywhere: Readonly<Record<Family, Address>> = {
  4: parseAddress("240.0.0.1") as Address,
  6: parseAddress("4000::1") as Address,
};

/**
 * The link of the default route that the kernel would take now: by its rules and tables, the lowest metric, a next hop that is
 * up. It is asked for the one route: a router has a million.
 * @param family undefined: the reference plugin's rule, the main table's of IPv4, and IPv6's only where there is none
 * @returns its index
 * @throws PluginError 100 where there is none, it leads nowhere, or over several links; the message says what was found
 */
export function defaultRouteLink(socket: NetlinkSocket, family: Family | undefined): number {
  if (family !== undefined) return soleLink(socket, family, takenRoute(socket, family, false));
  const route = takenRoute(socket, 4, true);
  if (route !== undefined) return soleLink(socket, 4, route);
  const second = takenRoute(socket, 6, true);
  if (second !== undefined) return soleLink(socket, 6, second);
  throw refused("no link has a default route, of IPv4 or IPv6");
}

/** A default route, or why the kernel takes none: EHOSTUNREACH and its like of an unreachable one. */
type Taken = KernelRoute | NetlinkError | undefined;

/** @param inMain one in another table, to which a rule leads, does not count */
function takenRoute(socket: NetlinkSocket, family: Family, inMain: boolean): Taken {
  const route = matchedRoute(socket, anywhere[family]);
  if (route instanceof NetlinkError) {
    // EOPNOTSUPP, EAFNOSUPPORT: the kernel has no IPv6.
    const none: readonly number[] = [Errno.ENETUNREACH, Errno.EOPNOTSUPP, Errno.EAFNOSUPPORT];
    if (!none.includes(route.errno)) return inMain ? listedRoute(socket, family) : route;
    return undefined;
  }
  const counts = route.dst.length === 0 && (!inMain || route.table === RT_TABLE_MAIN);
  // A VPN may lay two halves over the default route, 0.0.0.0/1 and 128.0.0.0/1.
  if (!counts) return listedRoute(socket, family);
  // With net.ipv4.nexthop_compat_mode=0 the kernel names a next hop object in place of the link.
  return route.interfaces.length === 0 ? routeTo(socket, anywhere[family]) : route;
}

/** The main table's default route of the lowest metric, as the kernel lists it. */
function listedRoute(socket: NetlinkSocket, family: Family): KernelRoute | undefined {
  return allRoutes(socket, family)
    .filter(({ dst, table, type }) => dst.length === 0 && table === RT_TABLE_MAIN && type === RTN_UNICAST)
    .reduce<KernelRoute | undefined>(
      (best, route) => (best === undefined || route.priority < best.priority ? route : best),
      undefined,
    );
}

function soleLink(socket: NetlinkSocket, family: Family, route: Taken): number {
  const what = `IPv${family} default route`;
  if (route === undefined) throw refused(`no link has an ${what}`);
  if (route instanceof NetlinkError) {
    throw refused(
      `the ${what} that the kernel takes is no way out (unreachable, prohibit or blackhole)`,
      route.message,
    );
  }
  const indexes = [...new Set(route.interfaces)];
  const [index] = indexes;
  if (index === undefined) throw refused(`the ${what} names no link`);
  if (indexes.length > 1) throw refused(`${linkNames(socket, indexes)} share an ${what}`);
  return index;
}

function refused(found: string, details = "/master/defaultRoute"): PluginError {
  return new PluginError(ErrorCode.parent, `${found}, one is needed: name the parent as "master"`, details);
}
