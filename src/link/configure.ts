import { ErrorCode, PluginError } from "../errors.ts";
import { formatAddress, formatPrefix, type Prefix } from "../ip/address.ts";
import { addAddress } from "../netlink/address.ts";
import { setUp } from "../netlink/link.ts";
import { addRoute, type RouteOptions } from "../netlink/route.ts";
import { type NetlinkSocket, transact } from "../netlink/socket.ts";
import { Errno } from "../system/errno.ts";
import { readText, writeExisting } from "../system/files.ts";

/**
 * Gives the link its name, addresses and routes and sets it up: one send for all of it.
 * @returns the routes that the namespace has now; one whose destination had a route already is left out: the first one wins,
 * as in the reference plugins
 */
export function configureLink(
  socket: NetlinkSocket,
  index: number,
  ifname: string,
  alias: string,
  addresses: readonly Prefix[],
  routes: readonly RouteOptions[],
): RouteOptions[] {
  const requests = [
    setUp(index, ifname, alias),
    ...addresses.map((prefix) => addAddress(index, prefix)),
    ...routes.map((route) => addRoute(index, route)),
  ];
  const [upFailure, ...failures] = transact(socket, requests);
  if (upFailure !== undefined) {
    const taken = upFailure.errno === Errno.EEXIST;
    throw new PluginError(
      taken ? ErrorCode.interfaceExists : ErrorCode.kernel,
      taken ? `interface ${ifname} exists already in the container's namespace` : `${ifname} could not be set up`,
      upFailure.message,
    );
  }
  addresses.forEach((prefix, i) => {
    const failure = failures[i];
    if (failure === undefined) return;
    const { errno } = failure;
    const hint =
      errno === Errno.EADDRINUSE
        ? ": an ipvlan on the same parent has it, of another network with this subnet or made by others"
        : errno === Errno.EACCES || errno === Errno.EOPNOTSUPP
          ? ": IPv6 is disabled in the kernel"
          : "";
    throw new PluginError(
      errno === Errno.EEXIST || errno === Errno.EADDRINUSE ? ErrorCode.addressTaken : ErrorCode.kernel,
      `address ${formatPrefix(prefix)} could not be added to ${ifname}${hint}`,
      failure.message,
    );
  });
  return routes.filter((route, i) => {
    const failure = failures[addresses.length + i];
    if (failure === undefined) return true;
    if (failure.errno === Errno.EEXIST) return false;
    const gateway = route.gw === undefined ? "" : ` via ${formatAddress(route.gw)}`;
    const hint =
      failure.errno === Errno.ENETUNREACH || failure.errno === Errno.EHOSTUNREACH || failure.errno === Errno.EINVAL
        ? `: is the gateway in a subnet of ${ifname}'s addresses?`
        : "";
    throw new PluginError(
      ErrorCode.kernel,
      `route ${formatPrefix(route.dst)}${gateway} could not be added to ${ifname}${hint}`,
      failure.message,
    );
  });
}

/** Turns IPv6 on for the link where the namespace has it off; call it inside the namespace. */
export function enableIpv6(ifname: string): void {
  const path = `/proc/sys/net/ipv6/conf/${ifname}/disable_ipv6`;
  const value = readText(path);
  if (value === undefined) {
    throw new PluginError(ErrorCode.kernel, "the kernel has no IPv6, and the network has an IPv6 address", path);
  }
  if (value.trim() !== "0") writeExisting(path, "0");
}
