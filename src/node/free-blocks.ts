import { type Address, bitsOf, type Prefix } from "../ip/address.ts";
import type { Bounds } from "../ip/bounds.ts";

/** Several nodes ask at once: each takes one of so many at random. */
const CHOICE = 16;

/**
 * The first blocks of a range that nobody has, a few of them.
 * @param length prefix length of the blocks
 * @param isTaken whether somebody has the block
 */
export function freeBlocks({ first, last }: Bounds, length: number, isTaken: (block: Prefix) => boolean): Prefix[] {
  const { family } = first;
  const size = 1n << BigInt(bitsOf(family) - length);
  const free: Prefix[] = [];
  for (let value = first.value - (first.value % size); value <= last.value && free.length < CHOICE; value += size) {
    const address: Address = { family, value };
    const block = { address, length };
    if (!isTaken(block)) free.push(block);
  }
  return free;
}
