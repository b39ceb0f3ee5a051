import type { NetworkConfig, Route } from "../config/network-config.ts";
import { type Address, type Family, networkOf, type Prefix, samePrefix } from "../ip/address.ts";
import type { Allocation } from "../ipam/ipam.ts";
import { modes } from "../link/modes.ts";

/** What the container's interface gets: addresses with the gateways that count in this mode, and routes in order. */
export interface Addressing {
  readonly addresses: readonly { readonly address: Prefix; readonly gateway: Address | undefined }[];
  readonly routes: readonly Route[];
}

/**
 * The mode's rules over an allocation:
 * - L2: routes via gateways. Only the built-in allocator, which is Docker's, adds the default routes by itself; the other IPAM
 *   plugins say in `routes` what they want, and a container's second network must not get a default route unasked.
 * - L3 and L3S: there is no ARP, so there are no gateways: every route leads out of the device, and each family has a
 *   default one.
 * - An isolated L2 network has no default route and no gateway.
 * - Where the configuration has an empty list of routes, there are those alone that the IPAM names.
 */
export function planAddressing(config: NetworkConfig, allocation: Allocation): Addressing {
  const { routed } = modes[config.mode];
  const withoutGateways = routed || config.isolated;
  const addresses = allocation.addresses.map(({ address, gateway }) => ({
    address,
    gateway: withoutGateways ? undefined : gateway,
  }));
  const gatewayOf = (family: Family) =>
    addresses.find(({ address, gateway }) => address.address.family === family && gateway !== undefined)?.gateway;
  const routes = allocation.routes.map((route) => {
    const { family } = route.dst.address;
    return { ...route, dst: networkOf(route.dst), gw: routed ? undefined : (route.gw ?? gatewayOf(family)) };
  });
  for (const family of [4, 6] as const) {
    const dst: Prefix = { address: { family, value: 0n }, length: 0 };
    const gw = gatewayOf(family);
    const wanted = routed
      ? addresses.some(({ address }) => address.address.family === family)
      : config.ipam.type === "builtin" && gw !== undefined;
    if (
      wanted &&
      config.impliedRoutes &&
      !routes.some((route) => samePrefix(route.dst, dst) && route.table === undefined)
    ) {
      routes.push({ dst, gw });
    }
  }
  return { addresses, routes };
}
