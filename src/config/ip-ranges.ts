import { invalid } from "../cni/read.ts";
import { formatPrefix, overlaps, samePrefix } from "../ip/address.ts";
import { parseRangeSet, type RangeJson } from "./host-local.ts";
import type { Range, Subnet } from "./network-config.ts";

const pointer = "/runtimeConfig/ipRanges";

/**
 * The capability `ipRanges` for the built-in allocator: each range is the part of its subnet from which addresses are taken, and all
 * come before the configured subnets. Ranges of one subnet leave out each other's gateways.
 *
 * @param configured none may overlap a range's subnet: addresses beyond the range, which may be another node's, would be given once
 *   the range is used up
 */
export function parseIpRanges(
  sets: readonly (readonly RangeJson[])[],
  configured: readonly Subnet[],
): readonly Subnet[] {
  const ranges = sets.flatMap((set, index) => parseRangeSet(set, `${pointer}/${index}`));
  refuseOverlaps(ranges, configured);
  const gateways = new Map<string, Map<bigint, Range["gateway"]>>();
  for (const { subnet, gateway } of ranges) {
    const key = formatPrefix(subnet);
    gateways.set(key, (gateways.get(key) ?? new Map()).set(gateway.value, gateway));
  }
  return ranges.map(({ subnet, rangeStart, rangeEnd, gateway }) => {
    const all = gateways.get(formatPrefix(subnet))?.values() ?? [];
    const excluded = [...all].filter(({ value }) => value !== gateway.value);
    return { subnet, gateway, first: rangeStart, last: rangeEnd, excluded };
  });
}

/** Subnets lie within one another or apart, so in their order one that overlaps any before it overlaps the last outermost one. */
function refuseOverlaps(ranges: readonly Range[], configured: readonly Subnet[]): void {
  const all = [...ranges, ...configured].sort(({ subnet: a }, { subnet: b }) => {
    if (a.address.family !== b.address.family) return a.address.family - b.address.family;
    return a.address.value === b.address.value ? a.length - b.length : a.address.value < b.address.value ? -1 : 1;
  });
  let outer: Range | Subnet | undefined;
  for (const one of all) {
    if (outer === undefined || !overlaps(outer.subnet, one.subnet)) {
      outer = one;
      continue;
    }
    if ("rangeStart" in outer && "rangeStart" in one && samePrefix(outer.subnet, one.subnet)) continue;
    throw invalid(pointer, `${formatPrefix(one.subnet)} overlaps ${formatPrefix(outer.subnet)}: leave one out`);
  }
}
