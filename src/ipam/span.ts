import type { Address, Prefix } from "../ip/address.ts";

/** Addresses in a row that may be given to containers: a range of host-local, or a subnet of the built-in allocator. */
export interface Span {
  readonly subnet: Prefix;
  /** Both inclusive. */
  readonly first: Address;
  readonly last: Address;
  readonly gateway: Address | undefined;
}

export function inSpan({ first, last }: Span, { family, value }: Address): boolean {
  return family === first.family && value >= first.value && value <= last.value;
}

/** Gives one address after another, undefined when there are no more. Not a generator: the first one costs 130 us on Bun. */
export type Candidates = () => Address | undefined;

/**
 * The addresses of spans of one family as a ring, in the reference's order: from the one after the last that was given,
 * so that an address just freed is not given again at once, through all spans, and once around. The first address of
 * the first span comes first when there was none. Never enumerated: the caller stops at the first that is free.
 * @param spans at least one; they do not overlap
 * @param after may lie outside of all spans: the configuration has changed then
 * @param never addresses to pass over, such as gateways
 */
export function ring(spans: readonly Span[], after: Address | undefined, never: readonly Address[]): Candidates {
  const { family } = (spans[0] as Span).first;
  const skipped = new Set(never.filter((address) => address.family === family).map((address) => address.value));
  let at = after === undefined ? -1 : spans.findIndex((span) => inSpan(span, after));
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
  let isOver = false;
  return () => {
    while (!isOver) {
      const here = { family, value };
      advance();
      isOver = value === start;
      if (!skipped.has(here.value)) return here;
    }
    return undefined;
  };
}

/** How many addresses of the spans can ever be given. */
export function capacity(spans: readonly Span[], never: readonly Address[]): bigint {
  let size = 0n;
  for (const { first, last } of spans) size += last.value - first.value + 1n;
  const within = new Set(
    never.filter((address) => spans.some((span) => inSpan(span, address))).map(({ value }) => value),
  );
  return size - BigInt(within.size);
}
