import { ErrorCode, PluginError } from "../errors.ts";
import { formatAddress, formatPrefix, type Prefix } from "../ip/address.ts";
import { addAddress } from "../netlink/address.ts";
import { type Link, linkQuery, readLink, setNotifying, setUp } from "../netlink/link.ts";
import { addRoute, type RouteOptions } from "../netlink/route.ts";
import { exchange, NetlinkError, type NetlinkSocket } from "../netlink/socket.ts";
import { Errno } from "../system/errno.ts";

/** What the container's interface is in the end. */
export interface Configured {
  readonly link: Link;
  /**
   * The routes that the namespace has now. One whose destination had a route already is left out: the first one wins, since
   * "another network might have already configured the default route" (SPEC.md of 0.4.0, "IP Allocation").
   */
  readonly routes: readonly RouteOptions[];
}

/**
 * Gives the link its alias, addresses and routes and sets it up: one send for all of it. The addresses come first: the kernel
 * announces to the neighbours those that the link has when it is set up. A packet socket of our own would take 5 ms and more
 * to close (packet_release waits for all processors).
 */
export function configureLink(
  socket: NetlinkSocket,
  index: number,
  ifname: string,
  alias: string,
  addresses: readonly Prefix[],
  routes: readonly RouteOptions[],
): Configured {
  const requests = [
    setNotifying(index, alias),
    ...addresses.map((prefix) => addAddress(index, prefix)),
    setUp(index, ifname, alias),
    linkQuery(index),
    ...routes.map((route) => addRoute(index, route)),
  ];
  const outcomes = exchange(socket, requests);
  const failures = outcomes.map((outcome) => (outcome instanceof NetlinkError ? outcome : undefined));
  const linkFailure = failures[0] ?? failures[addresses.length + 1];
  const description = outcomes[addresses.length + 2];
  if (linkFailure !== undefined || !(description instanceof Uint8Array)) {
    const { message } = linkFailure ?? failures[addresses.length + 2] ?? { message: "" };
    throw new PluginError(ErrorCode.kernel, `${ifname} could not be set up`, message);
  }
  addresses.forEach((prefix, i) => {
    const failure = failures[i + 1];
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
  const present = routes.filter((route, i) => {
    const failure = failures[addresses.length + 3 + i];
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
  return { link: readLink(description), routes: present };
}
