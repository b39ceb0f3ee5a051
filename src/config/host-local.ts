import { invalid, optional, readAddress } from "../cni/read.ts";
import { type CniVersion, isAtLeast } from "../cni/versions.ts";
import {
  type Address,
  bitsOf,
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  offset,
  type Prefix,
} from "../ip/address.ts";
import { defaultDataDir } from "./data-dir.ts";
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
  const rangeSets = rangeSetsOf(ipam, raw).map(({ set, pointer }) => parseRangeSet(set, pointer));
  if (rangeSets.length === 0) throw invalid("/ipam", 'of the type host-local needs "ranges"');
  refuseOverlappingSets(rangeSets);
  if (!isAtLeast(version, "0.3.0")) refuseSeveralSets(rangeSets, version);
  return {
    type: "host-local",
    rangeSets,
    routes: parseRoutes(ipam.routes, warnings),
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
export function parseRangeSet(set: readonly RangeJson[], pointer: string): readonly Range[] {
  if (set.length === 0) throw invalid(pointer, "has no range in it");
  const placeOfRange = (index: number): string => (pointer === "/ipam" ? pointer : `${pointer}/${index}`);
  const ranges: Range[] = [];
  for (const [index, raw] of set.entries()) {
    const place = placeOfRange(index);
    const range = parseRange(raw, place);
    if (ranges[0] !== undefined && range.rangeStart.family !== ranges[0].rangeStart.family) {
      throw invalid(place, "is of another family than the set's first range: make it a set of its own");
    }
    const other = ranges.find((earlier) => doOverlap(earlier, range));
    if (other !== undefined) throw invalid(place, `${text(range)} overlaps ${text(other)}`);
    ranges.push(range);
  }
  return ranges;
}

/** Range.Canonicalize of the reference. */
function parseRange(raw: RangeJson, pointer: string): Range {
  const subnet = readNetwork(raw.subnet, `${pointer}/subnet`);
  const { family } = subnet.address;
  if (subnet.length > bitsOf(family) - 2) {
    throw invalid(`${pointer}/subnet`, `${formatPrefix(subnet)} is too small for host-local: four addresses at least`);
  }
  const next = offset(subnet.address, 1n);
  const gateway = optional(raw.gateway, `${pointer}/gateway`, readAddress) ?? next;
  if (gateway.family !== family) throw invalid(`${pointer}/gateway`, `must be an IPv${family} address`);
  const rangeStart = readBound(raw.rangeStart, subnet, `${pointer}/rangeStart`) ?? next;
  const rangeEnd =
    readBound(raw.rangeEnd, subnet, `${pointer}/rangeEnd`) ?? offset(lastOf(subnet), family === 4 ? -1n : 0n);
  if (rangeEnd.value < rangeStart.value) {
    throw invalid(
      `${pointer}/rangeEnd`,
      `${formatAddress(rangeEnd)} is before the range's start ${formatAddress(rangeStart)}`,
    );
  }
  return { subnet, rangeStart, rangeEnd, gateway };
}

function readBound(value: unknown, subnet: Prefix, pointer: string): Address | undefined {
  const bound = optional(value, pointer, readAddress);
  if (bound !== undefined && !contains(subnet, bound)) throw invalid(pointer, outside(bound, subnet));
  return bound;
}

function refuseOverlappingSets(sets: readonly (readonly Range[])[]): void {
  const seen: Range[] = [];
  for (const set of sets) {
    for (const range of set) {
      const other = seen.find((one) => doOverlap(one, range));
      if (other !== undefined) throw invalid("/ipam/ranges", `overlap: ${text(other)} and ${text(range)}`);
    }
    seen.push(...set);
  }
}

// A container gets an address from each set, and results before 0.3.0 hold one of a family.
function refuseSeveralSets(sets: readonly (readonly Range[])[], version: CniVersion): void {
  for (const family of [4, 6]) {
    if (sets.filter((set) => set[0]?.rangeStart.family === family).length <= 1) continue;
    throw invalid("/ipam/ranges", `has several sets of IPv${family}, and cniVersion ${version} has room for one`);
  }
}

function doOverlap(a: Range, b: Range): boolean {
  return (
    a.rangeStart.family === b.rangeStart.family &&
    a.rangeStart.value <= b.rangeEnd.value &&
    b.rangeStart.value <= a.rangeEnd.value
  );
}

function text(range: Range): string {
  return `${formatAddress(range.rangeStart)}-${formatAddress(range.rangeEnd)}`;
}
