import {
  type Address,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  type Prefix,
  sameAddress,
} from "../../ip/address.ts";
import type { Claims } from "./claims.ts";

/** A block that has been empty for so long, in seconds, may go to others. */
const EMPTY_S = 600;

export interface Strike {
  /** What is left of the claims. */
  readonly kept: Claims;
  /** Claims that the node has no use for, as texts. */
  readonly struck: readonly string[];
}

/**
 * Strikes what the node has no use for: of each family's empty blocks all but one, if they were empty for a while, and addresses that
 * were claimed alone and nobody holds.
 * @param held all addresses that are reserved on this node
 * @param wanted addresses that somebody is about to reserve
 * @param now seconds since 1970
 */
export function strikeUnused(
  claims: Claims,
  held: readonly Address[],
  wanted: readonly Address[],
  now: number,
): Strike {
  const isIn = (list: readonly Address[], address: Address) => list.some((one) => sameAddress(one, address));
  const isEmpty = (block: Prefix) => ![...held, ...wanted].some((address) => contains(block, address));
  const emptySince: Record<string, number> = {};
  const empty: Record<Family, Prefix[]> = { 4: [], 6: [] };
  for (const block of claims.blocks.filter(isEmpty)) {
    const text = formatPrefix(block);
    emptySince[text] = claims.emptySince[text] ?? now;
    empty[block.address.family].push(block);
  }
  const since = (block: Prefix): number => emptySince[formatPrefix(block)] as number;
  const blocks = ([4, 6] as const).flatMap((family) =>
    empty[family]
      .sort((a, b) => since(a) - since(b))
      .slice(0, -1)
      .filter((block) => now - since(block) >= EMPTY_S),
  );
  const addresses = claims.addresses.filter((address) => !isIn(held, address) && !isIn(wanted, address));
  for (const block of blocks) delete emptySince[formatPrefix(block)];
  return {
    kept: {
      ...claims,
      blocks: claims.blocks.filter((block) => !blocks.includes(block)),
      addresses: claims.addresses.filter((address) => !addresses.includes(address)),
      emptySince,
    },
    struck: [...blocks.map(formatPrefix), ...addresses.map(formatAddress)],
  };
}
