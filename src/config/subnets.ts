import { token } from "../cni/json.ts";
import { invalid, optional, readAddress } from "../cni/read.ts";
import {
  type Address,
  bitsOf,
  contains,
  firstOf,
  formatAddress,
  formatPrefix,
  lastOf,
  overlaps,
  type Prefix,
  sameAddress,
  samePrefix,
  usableRange,
} from "../ip/address.ts";
import type { Subnet } from "./network-config.ts";
import { outside, readNetwork } from "./prefix.ts";

/** One entry of `ipam.subnets`, as the schema has checked it. */
export interface SubnetJson {
  readonly subnet: string;
  readonly gateway?: string;
  readonly ipRange?: string;
  readonly auxAddresses?: readonly string[] | Readonly<Record<string, string>>;
}

/** The built-in allocator's subnets; none overlaps another. */
export function parseSubnets(raw: readonly SubnetJson[], pointer: string): readonly Subnet[] {
  const subnets: Subnet[] = [];
  for (const [index, entry] of raw.entries()) {
    const one = parseSubnet(entry, `${pointer}/${index}`);
    const other = subnets.find(({ subnet }) => overlaps(subnet, one.subnet));
    if (other !== undefined) {
      const same = samePrefix(other.subnet, one.subnet);
      const what = same ? "is listed twice" : `overlaps ${formatPrefix(other.subnet)}`;
      throw invalid(`${pointer}/${index}/subnet`, `${formatPrefix(one.subnet)} ${what}`);
    }
    subnets.push(one);
  }
  return subnets;
}

function parseSubnet(raw: SubnetJson, pointer: string): Subnet {
  const subnet = readNetwork(raw.subnet, `${pointer}/subnet`);
  const usable = usableRange(subnet);
  const range = parseRange(raw, subnet, usable, `${pointer}/ipRange`);
  const gateway = parseGateway(raw, subnet, usable, `${pointer}/gateway`);
  const excluded = parseExcluded(raw, subnet, `${pointer}/auxAddresses`);
  if (isUsedUp(range, gateway, excluded)) {
    throw invalid(pointer, "has no address left for a container beside the gateway and auxAddresses");
  }
  return { subnet, gateway, first: range.first, last: range.last, excluded };
}

/** The first and the last address for containers: of ipRange, but never the subnet's own two. */
function parseRange(raw: SubnetJson, subnet: Prefix, usable: Bounds, pointer: string): Bounds {
  const range = optional(raw.ipRange, pointer, readNetwork);
  if (range === undefined) return usable;
  if (range.length < subnet.length || !contains(subnet, range.address)) {
    throw invalid(pointer, `${formatPrefix(range)} is no part of ${formatPrefix(subnet)}`);
  }
  const bounds = { first: later(firstOf(range), usable.first), last: earlier(lastOf(range), usable.last) };
  if (bounds.first.value <= bounds.last.value) return bounds;
  throw invalid(
    pointer,
    `${formatPrefix(range)} holds no address that a container of ${formatPrefix(subnet)} may have`,
  );
}

interface Bounds {
  readonly first: Address;
  readonly last: Address;
}

function isUsedUp(range: Bounds, gateway: Address | undefined, excluded: readonly Address[]): boolean {
  if (range.last.value - range.first.value > excluded.length) return false;
  const taken = new Set<bigint>();
  for (const address of gateway === undefined ? excluded : [gateway, ...excluded]) {
    if (isWithin(address, range)) taken.add(address.value);
  }
  return range.last.value - range.first.value < BigInt(taken.size);
}

const later = (a: Address, b: Address): Address => (a.value > b.value ? a : b);
const earlier = (a: Address, b: Address): Address => (a.value < b.value ? a : b);
const isWithin = (address: Address, { first, last }: Bounds): boolean =>
  address.family === first.family && address.value >= first.value && address.value <= last.value;

/** Default: the first usable address, as Docker does; none where the subnet is one address. */
function parseGateway(raw: SubnetJson, subnet: Prefix, usable: Bounds, pointer: string): Address | undefined {
  const gateway = optional(raw.gateway, pointer, readAddress);
  const isSingle = subnet.length === bitsOf(subnet.address.family);
  if (gateway === undefined) return isSingle ? undefined : usable.first;
  // Routers announce themselves by their link-local address; it is on the link, whatever the subnet.
  if (isLinkLocal(gateway) && subnet.address.family === 6) return gateway;
  if (!contains(subnet, gateway)) throw invalid(pointer, outside(gateway, subnet));
  if (isSingle) throw invalid(pointer, `leaves no address for a container in ${formatPrefix(subnet)}`);
  if (gateway.family === 4 && !isWithin(gateway, usable)) {
    const own = sameAddress(gateway, firstOf(subnet)) ? "network" : "broadcast";
    throw invalid(pointer, `${formatAddress(gateway)} is the ${own} address of ${formatPrefix(subnet)}`);
  }
  return gateway;
}

/** fe80::/10 (RFC 4291, 2.5.6) */
const isLinkLocal = ({ family, value }: Address): boolean => family === 6 && value >> 118n === 0x3fan;

/** Docker's auxiliary addresses: a list, or a name each. */
function parseExcluded(raw: SubnetJson, subnet: Prefix, pointer: string): readonly Address[] {
  const excluded: Address[] = [];
  if (raw.auxAddresses === undefined) return excluded;
  for (const [key, text] of Object.entries(raw.auxAddresses)) {
    const place = `${pointer}/${token(key)}`;
    const address = readAddress(text, place);
    if (!contains(subnet, address)) throw invalid(place, outside(address, subnet));
    if (!excluded.some((one) => sameAddress(one, address))) excluded.push(address);
  }
  return excluded;
}
