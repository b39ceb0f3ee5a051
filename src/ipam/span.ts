import type { Address, Prefix } from "../ip/address.ts";
import { type Bounds, finder, isWithin } from "../ip/bounds.ts";

/** Addresses in a row that may be given to containers: a range of host-local, or a subnet of the built-in allocator. */
export interface Span extends Bounds {
  readonly subnet: Prefix;
  readonly gateway: Address | undefined;
}

/**
 * The addresses of spans of one family as a ring, in the reference's order: from the one after the last that was given,
 * so that an address just freed is not given again at once, through all spans, and once around. The first address of
 * the first span comes first when there was none. Never enumerated: the caller stops at the first that is free.
 * @param spans at least one; they do not overlap
 * @param after may lie outside of all spans: the configuration has changed then
 * @param never addresses to pass over, such as gateways
 */
export function* ring(
  spans: readonly Span[],
  after: Address | undefined,
  never: readonly Address[],
): Generator<Address, void> {
  const { family } = (spans[0] as Span).first;
  const skipped = new Set(never.filter((address) => address.family === family).map((address) => address.value));
  let at = after === undefined ? -1 : spans.findIndex((span) => isWithin(after, span));
  let value = after?.value ?? 0n;
  const advance = () => {
    if (at >= 0 && value < (spans[at] as Span).last.value) {
      value++;
    } else {
      at = (at + 1) % spans.length;
      value = (spans[at] as Span).first.value;
    }
  };
  advance();
  const start = value;
  do {
    if (!skipped.has(value)) yield { family, value };
    advance();
  } while (value !== start);
}

/** How many addresses of the spans, which do not overlap, can ever be given. */
export function capacity(spans: readonly Span[], never: readonly Address[]): bigint {
  let size = 0n;
  for (const { first, last } of spans) size += last.value - first.value + 1n;
  const spanOf = finder(spans);
  const within = new Set(never.filter((address) => spanOf(address) !== undefined).map(({ value }) => value));
  return size - BigInt(within.size);
}
