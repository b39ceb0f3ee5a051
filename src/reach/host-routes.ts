import { type Address, bitsOf, sameAddress } from "../ip/address.ts";
import { RT_SCOPE_HOST, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTN_LOCAL } from "../netlink/constants.ts";
import type { Request } from "../netlink/message.ts";
import { addRoute, deleteRoute, type KernelRoute, putRoute, type RouteOptions, routesBy } from "../netlink/route.ts";
import { addRule, deleteRule, type LookupRule } from "../netlink/rule.ts";
import { type NetlinkError, type NetlinkSocket, transact } from "../netlink/socket.ts";
import { Errno } from "../system/errno.ts";
import { isOwners, type Owner, ownerMetric } from "./owner.ts";

/**
 * The number by which the host's routes of this plugin are known (rtnetlink(7), rtm_protocol): to `ip route show proto 86`, and to
 * routing daemons, which announce the containers of a node by it.
 */
export const protocol = 86;

/**
 * IPv4 routes have a table of their own: with an address of the host's that is taken away, be it for the moment in which a DHCP
 * client is started anew, the kernel removes the routes that have it as their source, but from the main table only
 * (net/ipv4/fib_semantics.c, fib_sync_down_addr). IPv6 routes stay.
 */
const table = { 4: protocol, 6: RT_TABLE_MAIN } as const;

/** Has the host look at the table; before the main one, as what a VPN or a routing daemon puts between is for elsewhere. */
export const rule: LookupRule = { family: 4, priority: 30_086, table: protocol };

/** A container's address, and the address that the host's packets to it come from. */
export interface HostRoute {
  readonly address: Address;
  readonly source: Address | undefined;
}

function route({ address, source }: HostRoute, metric: number): RouteOptions {
  const { family } = address;
  const dst = { address, length: bitsOf(family) };
  return { dst, src: source, table: table[family], protocol, priority: metric };
}

/**
 * Adds the host's routes to a container's addresses, and the rule for those of IPv4.
 *
 * The rule comes behind the routes: whoever removes it looks for routes once more behind that, see {@link removeRuleIfUnused}.
 * @returns the first failure, such as ENODEV where the link is gone
 */
export function addHostRoutes(
  host: NetlinkSocket,
  index: number,
  routes: readonly HostRoute[],
  owner: Owner,
  announced: boolean,
): NetlinkError | undefined {
  const metric = ownerMetric(owner, announced);
  const requests = routes.map((one) => putRoute(index, route(one, metric)));
  if (routes.some(({ address }) => address.family === 4)) requests.push(addRule(rule));
  return transact(host, requests).find((failure) => failure !== undefined && failure.errno !== Errno.EEXIST);
}

/** Removes the owner's routes to these addresses. Everything may be gone already. */
export function removeHostRoutes(
  host: NetlinkSocket,
  addresses: readonly Address[],
  owner: Owner,
  announced: boolean,
): void {
  const metric = ownerMetric(owner, announced);
  const requests = addresses.map((address) => deleteRoute(0, route({ address, source: undefined }, metric)));
  ignoring(host, requests, Errno.ESRCH);
}

/** The host's routes to containers: over one link, or all. */
export function hostRoutes(host: NetlinkSocket, index?: number): KernelRoute[] {
  return ([4, 6] as const).flatMap((family) => routesBy(host, { family, table: table[family], protocol, index }));
}

/** Whether a container's address has a route over the link. */
export function hasHostRoutes(host: NetlinkSocket, index: number): boolean {
  return ([4, 6] as const).some(
    (family) => routesBy(host, { family, table: table[family], protocol, index }).length > 0,
  );
}

/** Those of the owner among them. */
export function ownRoutes(routes: readonly KernelRoute[], owner: Owner): KernelRoute[] {
  return routes.filter(({ priority }) => isOwners(priority, owner));
}

/** Removes routes that {@link hostRoutes} has listed. */
export function removeListed(host: NetlinkSocket, routes: readonly KernelRoute[]): void {
  const requests = routes.map(({ dst, priority, table: inTable }) =>
    deleteRoute(0, { dst, table: inTable, protocol, priority }),
  );
  ignoring(host, requests, Errno.ESRCH);
}

/**
 * Removes the rule where no route is left in the table. ADDs on other parents hold other locks: one that has found the rule there
 * has added its route before, and is seen by the second look.
 */
export function removeRuleIfUnused(host: NetlinkSocket): void {
  const isUsed = () => routesBy(host, { family: 4, table: table[4], protocol }).length > 0;
  if (isUsed()) return;
  // One by hand beside it, too: CHECK names the command.
  while (transact(host, [deleteRule(rule)])[0] === undefined);
  if (isUsed()) ignoring(host, [addRule(rule)], Errno.EEXIST);
}

/*
 * In modes l3 and l3s a container's packet is sent by the parent's namespace out of the parent (ipvlan_process_v4_outbound), and an
 * IPv4 address of the host's that is on another link is not looked for there: it has to be one of the parent's in the table of local
 * addresses, too. Behind the address's own entry there, so that nothing else changes. IPv6 does not ask for the link.
 */

function localRoute(address: Address): RouteOptions {
  const dst = { address, length: bitsOf(address.family) };
  return { dst, table: RT_TABLE_LOCAL, protocol, type: RTN_LOCAL, scope: RT_SCOPE_HOST, priority: 50 };
}

export function addLocalRoutes(host: NetlinkSocket, parentIndex: number, addresses: readonly Address[]): void {
  const requests = addresses
    .filter(({ family }) => family === 4)
    .map((address) => addRoute(parentIndex, localRoute(address)));
  ignoring(host, requests, Errno.EEXIST);
}

/** Those of the addresses that the parent lacks. */
export function missingLocalRoutes(host: NetlinkSocket, parentIndex: number, addresses: readonly Address[]): Address[] {
  const present = localRoutes(host, parentIndex);
  return addresses.filter(
    (address) => address.family === 4 && !present.some(({ dst }) => sameAddress(dst.address, address)),
  );
}

function localRoutes(host: NetlinkSocket, parentIndex: number): KernelRoute[] {
  return routesBy(host, { family: 4, table: RT_TABLE_LOCAL, protocol, index: parentIndex, type: RTN_LOCAL });
}

export function removeLocalRoutes(host: NetlinkSocket, parentIndex: number): void {
  const requests = localRoutes(host, parentIndex).map(({ dst }) => deleteRoute(parentIndex, localRoute(dst.address)));
  ignoring(host, requests, Errno.ESRCH);
}

function ignoring(host: NetlinkSocket, requests: readonly Request[], expected: number): void {
  if (requests.length === 0) return;
  const failure = transact(host, requests).find((error) => error !== undefined && error.errno !== expected);
  if (failure !== undefined) throw failure;
}
