import type { Mode } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import {
  type Address,
  bitsOf,
  type Family,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  sameAddress,
} from "../ip/address.ts";
import { addingRoute, type NewLink } from "../link/configure.ts";
import { macText } from "../link/mac.ts";
import { modes } from "../link/modes.ts";
import type { Link } from "../netlink/link.ts";
import { neighboursOn, putNeighbour } from "../netlink/neighbour.ts";
import type { RouteOptions } from "../netlink/route.ts";
import type { NetlinkError, NetlinkSocket } from "../netlink/socket.ts";
import { doing, type Settled, type Step } from "../netlink/steps.ts";
import type { HostAddresses } from "./host-addresses.ts";

/**
 * In mode l2 nobody answers a container that asks for its host: the kernel gives ARP and ND of an ipvlan to the others and to the
 * wire, never to the parent. A packet that the container sends to its own hardware address, though, which is the parent's, is given
 * to the parent as if it had come in there (ipvlan_xmit_mode_l2). So the way to the host is a next hop that nobody has, with that
 * hardware address. It is not the host's own link-local address, so that redirects, which come from there, are passed over.
 */
export const nextHops: Readonly<Record<Family, Address>> = {
  4: parseAddress("169.254.1.1") as Address,
  // Not fe80::1, which many routers have.
  6: parseAddress("fe80::169:254:1:1") as Address,
};

/**
 * The routes in the container to the host and to what passes its netfilter. In l3 and l3s whatever leaves the container passes the
 * host, and its default route will do where it is over this interface.
 *
 * @param routes those that the interface has
 */
export function routesToHost(
  mode: Mode,
  addresses: readonly HostAddresses[],
  services: readonly Prefix[],
  routes: readonly RouteOptions[],
): RouteOptions[] {
  return addresses.flatMap(({ family, reached }) => {
    if (reached.length === 0) return [];
    const hosts = reached.map((address): Prefix => ({ address, length: bitsOf(family) }));
    const wanted = [...hosts, ...services.filter(({ address }) => address.family === family)];
    if (!modes[mode].routed) return wanted.map((dst) => ({ dst, gw: nextHops[family], onlink: true }));
    const isDefault = ({ dst, table }: RouteOptions) =>
      dst.length === 0 && dst.address.family === family && table === undefined;
    return routes.some(isDefault) ? [] : wanted.map((dst) => ({ dst }));
  });
}

/** What gives a container's interface its routes to the host. */
export interface StepsToHost {
  readonly steps: readonly Step<unknown>[];
  /** The routes that are there when the steps were carried out; a destination that had a route before keeps it. */
  readonly added: (settled: Settled) => RouteOptions[];
}

/**
 * The steps that give the interface its routes to the host, and in mode l2 the next hop of each family.
 * @param hardwareAddress the interface's
 */
export function stepsToHost(
  { index, name }: NewLink,
  hardwareAddress: Uint8Array,
  routes: readonly RouteOptions[],
): StepsToHost {
  const families = ([4, 6] as const).filter((family) => routes.some(({ gw }) => gw?.family === family));
  const notAdded = (what: string, { message }: NetlinkError) =>
    new PluginError(ErrorCode.kernel, `${what} to the host could not be added to ${name}`, message);
  const hops = families.map((family) =>
    doing(
      () => putNeighbour(index, nextHops[family], hardwareAddress),
      (failure) => notAdded(`the next hop ${formatAddress(nextHops[family])}`, failure),
    ),
  );
  const routing = routes.map((route) => ({
    route,
    step: addingRoute(index, route, (failure) => notAdded(`the route ${formatPrefix(route.dst)}`, failure)),
  }));
  return {
    steps: [...hops, ...routing.map(({ step }) => step)],
    added: (settled) => routing.filter(({ step }) => settled.of(step)).map(({ route }) => route),
  };
}

/** The next hop of a container that has another hardware address than its interface, or none; undefined where all is well. */
export function staleNextHop(container: NetlinkSocket, link: Link, families: readonly Family[]): Address | undefined {
  const neighbours = neighboursOn(container, link.index);
  return families
    .map((family) => nextHops[family])
    .find((hop) => {
      const found = neighbours.find(({ address }) => sameAddress(address, hop));
      return found?.lladdr === undefined || macText(found.lladdr) !== macText(link.address);
    });
}
