import { token } from "../cni/json.ts";
import { invalid, longestList, optional, readAddress } from "../cni/read.ts";
import {
  type Address,
  bitsOf,
  contains,
  firstOf,
  formatAddress,
  formatPrefix,
  type Prefix,
  sameAddress,
  samePrefix,
  usableRange,
} from "../ip/address.ts";
import { type Bounds, boundsOf, findOverlap, intersection, isWithin } from "../ip/bounds.ts";
import { deviceRouteHint, isOnLink } from "./gateways.ts";
import type { Subnet } from "./network-config.ts";
import { outside, readNetwork } from "./prefix.ts";

/** One entry of `ipam.subnets`, as the schema has checked it. */
export interface SubnetJson {
  readonly subnet: string;
  readonly gateway?: string | boolean;
  readonly ipRange?: string;
  readonly auxAddresses?: readonly string[] | Readonly<Record<string, string>>;
}

/** What the rest of a configuration says about gateways. */
export interface GatewayRules {
  /** The network has gateways: it is neither routed (l3, l3s) nor isolated. */
  readonly hasGateways: boolean;
  /** Whether a configured route leads to the gateway, which may then lie outside of its subnet. */
  readonly isReached: (gateway: Address) => boolean;
}

/** The built-in allocator's subnets; none overlaps another. */
export function parseSubnets(raw: readonly SubnetJson[], pointer: string, rules: GatewayRules): readonly Subnet[] {
  const subnets = raw.map((one, index) => parseSubnet(one, `${pointer}/${index}`, rules));
  refuseOverlap(subnets, pointer);
  return subnets;
}

function refuseOverlap(subnets: readonly Subnet[], pointer: string): void {
  const [earlier, later] = findOverlap(subnets.map(({ subnet }) => boundsOf(subnet))) ?? [];
  if (earlier === undefined || later === undefined) return;
  const [other, one] = [subnets[earlier] as Subnet, subnets[later] as Subnet];
  const what = samePrefix(other.subnet, one.subnet) ? "is listed twice" : `overlaps ${formatPrefix(other.subnet)}`;
  throw invalid(`${pointer}/${later}/subnet`, `${formatPrefix(one.subnet)} ${what}`);
}

/** A subnet of which nothing but its addresses is configured: a default pool. */
export function wholeSubnet(subnet: Prefix, hasGateways: boolean): Subnet {
  const usable = usableRange(subnet);
  return { subnet, ...gatewayOrSpare(usable.first, hasGateways), ...usable, excluded: [] };
}

export function parseSubnet(raw: SubnetJson, pointer: string, { hasGateways, isReached }: GatewayRules): Subnet {
  const subnet = readNetwork(raw.subnet, `${pointer}/subnet`);
  const usable = usableRange(subnet);
  const range = parseRange(raw, subnet, usable, `${pointer}/ipRange`);
  const gateway = parseGateway(raw, subnet, usable, `${pointer}/gateway`);
  // One that is not used is to be right all the same.
  if (gateway !== undefined) refuseGateway(gateway, subnet, usable, `${pointer}/gateway`, isReached);
  const roles = gatewayOrSpare(gateway, hasGateways);
  const excluded = parseExcluded(raw, subnet, `${pointer}/auxAddresses`);
  if (roles.gateway !== undefined && contains(subnet, roles.gateway) && isSingle(subnet)) {
    throw invalid(`${pointer}/gateway`, `leaves no address for a container in ${formatPrefix(subnet)}`);
  }
  if (isUsedUp(range, roles.gateway, excluded)) {
    throw invalid(pointer, "has no address left for a container beside the gateway and auxAddresses");
  }
  return { subnet, ...roles, ...range, excluded };
}

/** Where a network has no gateway, what would be one is a container's address like any other, but is given last. */
function gatewayOrSpare(address: Address | undefined, hasGateways: boolean): Pick<Subnet, "gateway" | "spare"> {
  return hasGateways ? { gateway: address, spare: undefined } : { gateway: undefined, spare: address };
}

/** The first and the last address for containers: of ipRange, but never the subnet's own two. */
function parseRange(raw: SubnetJson, subnet: Prefix, usable: Bounds, pointer: string): Bounds {
  const range = optional(raw.ipRange, pointer, readNetwork);
  if (range === undefined) return usable;
  if (range.length < subnet.length || !contains(subnet, range.address)) {
    throw invalid(pointer, `${formatPrefix(range)} is no part of ${formatPrefix(subnet)}`);
  }
  const bounds = intersection(boundsOf(range), usable);
  if (bounds !== undefined) return bounds;
  throw invalid(
    pointer,
    `${formatPrefix(range)} holds no address that a container of ${formatPrefix(subnet)} may have`,
  );
}

function isUsedUp(range: Bounds, gateway: Address | undefined, excluded: readonly Address[]): boolean {
  if (range.last.value - range.first.value > excluded.length) return false;
  const taken = new Set<bigint>();
  for (const address of gateway === undefined ? excluded : [gateway, ...excluded]) {
    if (isWithin(address, range)) taken.add(address.value);
  }
  return range.last.value - range.first.value < BigInt(taken.size);
}

/** false: none. Default: the first usable address, as Docker does; none where the subnet is one address. */
function parseGateway(raw: SubnetJson, subnet: Prefix, usable: Bounds, pointer: string): Address | undefined {
  if (raw.gateway === false) return undefined;
  const gateway = optional(raw.gateway, pointer, readAddress);
  if (gateway === undefined) return isSingle(subnet) ? undefined : usable.first;
  if (gateway.family !== subnet.address.family) throw invalid(pointer, outside(gateway, subnet));
  return gateway;
}

function isSingle({ address, length }: Prefix): boolean {
  return length === bitsOf(address.family);
}

/** Refuses a gateway that no host could be, or that no packet would reach. */
function refuseGateway(
  gateway: Address,
  subnet: Prefix,
  usable: Bounds,
  pointer: string,
  isReached: (gateway: Address) => boolean,
): void {
  if (!isOnLink(gateway, subnet)) {
    if (isReached(gateway)) return;
    throw invalid(pointer, `${outside(gateway, subnet)}: ${deviceRouteHint(gateway)}`);
  }
  if (!contains(subnet, gateway)) return;
  if (gateway.family === 4 && !isWithin(gateway, usable)) {
    const own = sameAddress(gateway, firstOf(subnet)) ? "network" : "broadcast";
    throw invalid(pointer, `${formatAddress(gateway)} is the ${own} address of ${formatPrefix(subnet)}`);
  }
}

/** Docker's auxiliary addresses: a list, or a name each. */
function parseExcluded(raw: SubnetJson, subnet: Prefix, pointer: string): readonly Address[] {
  const excluded = new Map<bigint, Address>();
  const entries = Object.entries(raw.auxAddresses ?? {});
  if (entries.length > longestList) throw invalid(pointer, `has more than ${longestList} addresses`);
  for (const [key, text] of entries) {
    const place = `${pointer}/${token(key)}`;
    const address = readAddress(text, place);
    if (!contains(subnet, address)) throw invalid(place, outside(address, subnet));
    excluded.set(address.value, address);
  }
  return [...excluded.values()];
}
