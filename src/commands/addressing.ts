import { deviceRoutesTo } from "../config/gateways.ts";
import type { NetworkConfig, Route } from "../config/network-config.ts";
import {
  type Address,
  contains,
  type Family,
  formatPrefix,
  isLinkLocal,
  isUnspecified,
  networkOf,
  type Prefix,
} from "../ip/address.ts";
import { prefixSet } from "../ip/prefix-set.ts";
import type { Allocation } from "../ipam/ipam.ts";
import { modes } from "../link/modes.ts";
import type { RouteOptions } from "../netlink/route.ts";

/** What the container's interface gets: addresses with the gateways that count in this mode, and routes in order. */
export interface Addressing {
  readonly addresses: readonly { readonly address: Prefix; readonly gateway: Address | undefined }[];
  readonly routes: readonly RouteOptions[];
}

/**
 * The mode's rules over an allocation:
 * - L2: routes via gateways. Only the built-in allocator, which is Docker's, adds the default routes by itself; the other IPAM
 *   plugins say in `routes` what they want, and a container's second network must not get a default route unasked.
 * - L3 and L3S: there is no ARP, so there are no gateways: every route leads out of the device, and each family has a
 *   default one.
 * - An isolated network has no gateway. In L2 it has no default route either; in L3 and L3S, whose parent is the router between the
 *   network's subnets, one for want of a parent has it, as Docker's page shows, and an internal one routes to these subnets
 *   alone: what is outside is unreachable at once.
 * - Where the configuration has an empty list of routes, there are those alone that the IPAM names.
 */
export function planAddressing(config: NetworkConfig, allocation: Allocation): Addressing {
  const { routed } = modes[config.mode];
  const addresses = allocation.addresses.map(({ address, gateway }) => ({
    address,
    gateway: routed || config.isolated || gateway === undefined || isUnspecified(gateway) ? undefined : gateway,
  }));
  const nextHop = routed ? () => undefined : nextHops(addresses);
  const routes = allocation.routes.map((route) => ({ ...route, dst: networkOf(route.dst), gw: nextHop(route) }));
  const named = new Set(routes.filter(({ table }) => table === undefined).map(({ dst }) => formatPrefix(dst)));
  const added = config.impliedRoutes ? ownRoutes(config, allocation, addresses) : [];
  const all = [...routes, ...added.filter(({ dst }) => !named.has(formatPrefix(dst)))];
  const isNear = nearness(addresses);
  const isReached = deviceRoutesTo(allocation.routes);
  const isOnlink = (gw: Address | undefined) => gw !== undefined && !isNear(gw) && isReached(gw);
  return {
    addresses,
    routes: all.map((route) => (isOnlink(route.gw) ? { ...route, onlink: true } : route)),
  };
}

/** The routes that this plugin adds by itself, where none of the IPAM's has their destination. */
function ownRoutes(
  { mode, internal, ipam }: NetworkConfig,
  allocation: Allocation,
  addresses: Addressing["addresses"],
): RouteOptions[] {
  const { routed } = modes[mode];
  return ([4, 6] as const).flatMap((family): RouteOptions[] => {
    const own = addresses.filter(({ address }) => address.address.family === family);
    const dst = { address: { family, value: 0n }, length: 0 };
    if (own.length === 0) return [];
    if (routed && internal) return routesToOthers(allocation.subnets ?? [], own);
    if (routed) return [{ dst }];
    const gw = own.find(({ gateway }) => gateway !== undefined)?.gateway;
    return ipam.type === "builtin" && gw !== undefined ? [{ dst, gw }] : [];
  });
}

/** Out of the device, to the network's subnets of a family but those of the addresses, to which the kernel adds a route. */
function routesToOthers(subnets: readonly Prefix[], own: Addressing["addresses"]): RouteOptions[] {
  const present = new Set(own.map(({ address }) => formatPrefix(networkOf(address))));
  const family = own[0]?.address.address.family;
  const others = new Map<string, RouteOptions>();
  for (const dst of subnets) {
    const name = formatPrefix(dst);
    if (dst.address.family === family && !present.has(name)) others.set(name, { dst });
  }
  return [...others.values()];
}

/** Whether a gateway is in a subnet of the addresses, or a router's link-local address, which is on the link anyway. */
function nearness(addresses: Addressing["addresses"]): (gateway: Address) => boolean {
  const isOnLink = prefixSet(addresses.map(({ address }) => address));
  return (gateway) => isLinkLocal(gateway) || isOnLink(gateway);
}

/** The next hop of an IPAM's route: the route's own, none where it says so, else the subnet's gateway. */
function nextHops(addresses: Addressing["addresses"]): (route: Route) => Address | undefined {
  const isNear = nearness(addresses);
  const gatewayOf = (family: Family) =>
    addresses.find(({ address, gateway }) => address.address.family === family && gateway !== undefined)?.gateway;
  const defaults = { 4: gatewayOf(4), 6: gatewayOf(6) };
  return ({ dst, gw }) => {
    if (gw !== undefined) return isUnspecified(gw) ? undefined : gw;
    const gateway = defaults[dst.address.family];
    // A route to where the gateway itself is leads out of the device, or it would lead nowhere.
    const leadsToIt = gateway !== undefined && dst.length > 0 && contains(dst, gateway);
    return leadsToIt && !isNear(gateway) ? undefined : gateway;
  };
}
