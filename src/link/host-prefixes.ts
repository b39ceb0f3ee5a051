import type { Prefix } from "../ip/address.ts";
import { allAddresses } from "../netlink/address.ts";
import { destinationsWithin } from "../netlink/route.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

/**
 * Every subnet that the host has an address in or an IPv4 route to (default routes aside): what a default pool must not overlap.
 * @param within of the routes those alone that overlap one of these: a router has a million
 */
export function hostPrefixes(host: NetlinkSocket, within: readonly Prefix[]): Prefix[] {
  return [...allAddresses(host).map(({ prefix }) => prefix), ...destinationsWithin(host, within)];
}
