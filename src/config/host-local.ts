import { invalid, longestList, optional, readAddress } from "../cni/read.ts";
import { type CniVersion, isAtLeast } from "../cni/versions.ts";
import {
  type Address,
  bitsOf,
  contains,
  formatAddress,
  formatPrefix,
  offset,
  type Prefix,
  usableRange,
} from "../ip/address.ts";
import { type Bounds, findOverlap } from "../ip/bounds.ts";
import { defaultDataDir } from "./data-dir.ts";
import { deviceRouteHint, deviceRoutesTo, isOnLink } from "./gateways.ts";
import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";
import type { IpamConfig, Range } from "./network-config.ts";
import { outside, readNetwork } from "./prefix.ts";
import { parseRoutes, type RouteJson } from "./routes.ts";

/** `ipam` of the type host-local, as the schema has checked it. */
export interface HostLocalJson extends Partial<RangeJson> {
  readonly ranges?: readonly (readonly RangeJson[])[];
  readonly routes?: readonly RouteJson[];
  readonly dataDir?: string;
  readonly resolvConf?: string;
}

export interface RangeJson {
  readonly subnet: string;
  readonly rangeStart?: string;
  readonly rangeEnd?: string;
  /** Some write null where there is none. */
  readonly gateway?: string | null;
}

interface PlacedSet {
  readonly set: readonly RangeJson[];
  readonly pointer: string;
}

type HostLocalConfig = Extract<IpamConfig, { type: "host-local" }>;

/** As the reference plugin reads it (plugins, host-local, backend/allocator/config.go and range.go). */
export function parseHostLocal(
  ipam: HostLocalJson,
  raw: NetworkConfiguration,
  version: CniVersion,
  warnings: string[],
): HostLocalConfig {
  const routes = parseRoutes(ipam.routes, warnings);
  const isReached = deviceRoutesTo(routes);
  const placed = rangeSetsOf(ipam, raw);
  if (placed.reduce((sum, { set }) => sum + set.length, 0) > longestList) {
    throw invalid("/ipam/ranges", `has more than ${longestList} ranges in its sets`);
  }
  const rangeSets = placed.map(({ set, pointer }) => parseRangeSet(set, pointer, isReached));
  if (rangeSets.length === 0) throw invalid("/ipam", 'of the type host-local needs "ranges"');
  refuseOverlappingSets(rangeSets);
  if (!isAtLeast(version, "0.3.0")) refuseSeveralSets(rangeSets, version);
  return {
    type: "host-local",
    rangeSets,
    routes,
    dataDir: ipam.dataDir ?? defaultDataDir,
    resolvConf: ipam.resolvConf,
  };
}

/** The runtime's ranges come first, then the single range of the older form, then `ranges`. */
function rangeSetsOf(ipam: HostLocalJson, raw: NetworkConfiguration): PlacedSet[] {
  const placed = (sets: readonly (readonly RangeJson[])[] | null | undefined, pointer: string): PlacedSet[] =>
    (sets ?? []).map((set, index) => ({ set, pointer: `${pointer}/${index}` }));
  const single: PlacedSet[] = ipam.subnet === undefined ? [] : [{ set: [ipam as RangeJson], pointer: "/ipam" }];
  return [
    ...placed(raw.runtimeConfig?.ipRanges, "/runtimeConfig/ipRanges"),
    ...single,
    ...placed(ipam.ranges, "/ipam/ranges"),
  ];
}

/** The ranges of a set. @param pointer "/ipam" where the set is the one range that `ipam` itself is */
export function parseRangeSet(
  set: readonly RangeJson[],
  pointer: string,
  isReached: (gateway: Address) => boolean,
): readonly Range[] {
  if (set.length === 0) throw invalid(pointer, "has no range in it");
  const placeOfRange = (index: number): string => (pointer === "/ipam" ? pointer : `${pointer}/${index}`);
  const ranges = set.map((raw, index) => parseRange(raw, placeOfRange(index), isReached));
  const stranger = ranges.findIndex(({ first }) => first.family !== ranges[0]?.first.family);
  if (stranger >= 0) {
    throw invalid(placeOfRange(stranger), "is of another family than the set's first range: make it a set of its own");
  }
  const [earlier, later] = findOverlap(ranges) ?? [];
  if (earlier !== undefined && later !== undefined) {
    throw invalid(placeOfRange(later), `${text(ranges[later] as Range)} overlaps ${text(ranges[earlier] as Range)}`);
  }
  return ranges;
}

/**
 * Range.Canonicalize of the reference, but for two things: a gateway outside of the subnet will do where a route of the
 * configuration leads to it, and the subnet's network and broadcast addresses are no container's, also where the range
 * names them.
 */
function parseRange(raw: RangeJson, pointer: string, isReached: (gateway: Address) => boolean): Range {
  const subnet = readNetwork(raw.subnet, `${pointer}/subnet`);
  const { family } = subnet.address;
  if (subnet.length > bitsOf(family) - 2) {
    throw invalid(`${pointer}/subnet`, `${formatPrefix(subnet)} is too small for host-local: four addresses at least`);
  }
  const gateway = optional(raw.gateway, `${pointer}/gateway`, readAddress) ?? offset(subnet.address, 1n);
  if (gateway.family !== family) throw invalid(`${pointer}/gateway`, `must be an IPv${family} address`);
  if (!isOnLink(gateway, subnet) && !isReached(gateway)) {
    throw invalid(`${pointer}/gateway`, `${outside(gateway, subnet)}: ${deviceRouteHint(gateway)}`);
  }
  return { subnet, ...readBounds(raw, subnet, pointer), gateway };
}

/** The first and last address of a range: by default the subnet's, and never its network or broadcast address. */
export function readBounds(raw: RangeJson, subnet: Prefix, pointer: string): Bounds {
  const { first, last } = usableRange(subnet);
  const rangeStart = readBound(raw.rangeStart, subnet, `${pointer}/rangeStart`) ?? first;
  const rangeEnd = readBound(raw.rangeEnd, subnet, `${pointer}/rangeEnd`) ?? last;
  if (rangeEnd.value < rangeStart.value) {
    throw invalid(
      `${pointer}/rangeEnd`,
      `${formatAddress(rangeEnd)} is before the range's start ${formatAddress(rangeStart)}`,
    );
  }
  const bounds = {
    first: rangeStart.value < first.value ? first : rangeStart,
    last: rangeEnd.value > last.value ? last : rangeEnd,
  };
  if (bounds.last.value >= bounds.first.value) return bounds;
  throw invalid(`${pointer}/rangeStart`, `${formatAddress(rangeStart)} is ${formatPrefix(subnet)}'s own, no host's`);
}

function readBound(value: unknown, subnet: Prefix, pointer: string): Address | undefined {
  const bound = optional(value, pointer, readAddress);
  if (bound !== undefined && !contains(subnet, bound)) throw invalid(pointer, outside(bound, subnet));
  return bound;
}

function refuseOverlappingSets(sets: readonly (readonly Range[])[]): void {
  const all = sets.flat();
  const [earlier, later] = findOverlap(all) ?? [];
  if (earlier === undefined || later === undefined) return;
  throw invalid("/ipam/ranges", `overlap: ${text(all[earlier] as Range)} and ${text(all[later] as Range)}`);
}

// A container gets an address from each set, and results before 0.3.0 hold one of a family.
function refuseSeveralSets(sets: readonly (readonly Range[])[], version: CniVersion): void {
  for (const family of [4, 6]) {
    if (sets.filter((set) => set[0]?.first.family === family).length <= 1) continue;
    throw invalid("/ipam/ranges", `has several sets of IPv${family}, and cniVersion ${version} has room for one`);
  }
}

function text({ first, last }: Bounds): string {
  return `${formatAddress(first)}-${formatAddress(last)}`;
}
