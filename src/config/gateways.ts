import { type Address, contains, formatAddress, isLinkLocal, isUnspecified, type Prefix } from "../ip/address.ts";
import { prefixSet } from "../ip/prefix-set.ts";
import type { Route } from "./network-config.ts";

/** Tells whether one of these routes leads out of the device, without a next hop, to a gateway. A default route does not. */
export function deviceRoutesTo(routes: readonly Route[]): (gateway: Address) => boolean {
  return prefixSet(routes.filter((route) => route.dst.length > 0 && hasNoNextHop(route)).map(({ dst }) => dst));
}

/**
 * No next hop is named, or "0.0.0.0" or "::", which is Go's word for none. Without any, the subnet's gateway is meant, but
 * where it lies in the destination itself.
 */
function hasNoNextHop({ gw }: Route): boolean {
  return gw === undefined || isUnspecified(gw);
}

/** Whether the link leads to the gateway by itself: it is in the subnet, or a router's link-local address. */
export function isOnLink(gateway: Address, subnet: Prefix): boolean {
  return contains(subnet, gateway) || (isLinkLocal(gateway) && subnet.address.family === 6);
}

/** The end of a sentence about a gateway that nothing leads to. */
export function deviceRouteHint(gateway: Address): string {
  const [length, none] = gateway.family === 4 ? [32, "0.0.0.0"] : [128, "::"];
  const route = { dst: `${formatAddress(gateway)}/${length}`, gw: none };
  return `name a gateway in the subnet, or a route to it out of the device in ipam.routes: ${JSON.stringify(route)}`;
}
