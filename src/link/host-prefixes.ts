import type { Prefix } from "../ip/address.ts";
import { allAddresses } from "../netlink/address.ts";
import { RT_TABLE_MAIN } from "../netlink/constants.ts";
import { allRoutes } from "../netlink/route.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

/** Every subnet that the host has an address in or a route to (default routes aside): what a default pool must not overlap. */
export function hostPrefixes(host: NetlinkSocket): Prefix[] {
  const routes = allRoutes(host, 4).filter(({ dst, table }) => table === RT_TABLE_MAIN && dst.length > 0);
  return [...allAddresses(host).map(({ prefix }) => prefix), ...routes.map(({ dst }) => dst)];
}
