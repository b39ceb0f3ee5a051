import { invalid } from "../cni/read.ts";
import { formatPrefix, overlaps, samePrefix } from "../ip/address.ts";
import { findOverlap } from "../ip/bounds.ts";
import { parseRangeSet, type RangeJson } from "./host-local.ts";
import type { Range, Subnet } from "./network-config.ts";
import type { GatewayRules } from "./subnets.ts";

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
  { hasGateways, isReached }: GatewayRules,
): readonly Subnet[] {
  const ranges = sets.flatMap((set, index) => parseRangeSet(set, `${pointer}/${index}`, isReached));
  refuseOverlaps(ranges, configured);
  // Of each subnet, whichever of its ranges has it.
  const gateways = Map.groupBy(ranges, ({ subnet }) => formatPrefix(subnet));
  const excluded = new Map([...gateways].map(([name, list]) => [name, list.map(({ gateway }) => gateway)]));
  return ranges.map(({ subnet, gateway, first, last }) =>
    hasGateways
      ? { subnet, gateway, spare: undefined, first, last, excluded: excluded.get(formatPrefix(subnet)) ?? [] }
      : { subnet, gateway: undefined, spare: gateway, first, last, excluded: [] },
  );
}

/** Subnets lie within one another or apart, so in their order one that overlaps any before it overlaps the last outermost one. */
function refuseOverlaps(ranges: readonly Range[], configured: readonly Subnet[]): void {
  const [one, other] = (findOverlap(ranges) ?? []).map((place) => ranges[place] as Range);
  if (one !== undefined && other !== undefined) {
    throw invalid(pointer, `two ranges of ${formatPrefix(one.subnet)} and ${formatPrefix(other.subnet)} overlap`);
  }
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
    if (!("spare" in outer || "spare" in one) && samePrefix(outer.subnet, one.subnet)) continue;
    throw invalid(pointer, `${formatPrefix(one.subnet)} overlaps ${formatPrefix(outer.subnet)}: leave one out`);
  }
}
