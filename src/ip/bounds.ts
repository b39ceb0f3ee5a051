import { type Address, firstOf, lastOf, type Prefix } from "./address.ts";

/** Addresses of one family in a row, both ends included. */
export interface Bounds {
  readonly first: Address;
  readonly last: Address;
}

/** All addresses of a prefix, its network's own ones too. */
export function boundsOf(prefix: Prefix): Bounds {
  return { first: firstOf(prefix), last: lastOf(prefix) };
}

export function isWithin({ family, value }: Address, { first, last }: Bounds): boolean {
  return family === first.family && value >= first.value && value <= last.value;
}

/** The addresses that are in both; undefined where there are none, or the families differ. */
export function intersection(a: Bounds, b: Bounds): Bounds | undefined {
  const first = a.first.value > b.first.value ? a.first : b.first;
  const last = a.last.value < b.last.value ? a.last : b.last;
  return a.first.family === b.first.family && first.value <= last.value ? { first, last } : undefined;
}

/**
 * Two items of a list whose addresses overlap; undefined where all are apart. Takes n log n.
 * @returns their places in the list, the lower one first
 */
export function findOverlap(list: readonly Bounds[]): readonly [number, number] | undefined {
  const places = inOrder(list);
  for (const [index, place] of places.entries()) {
    const before = places[index - 1];
    // Where neighbours are apart, all are.
    if (before === undefined || !isWithin((list[place] as Bounds).first, list[before] as Bounds)) continue;
    return before < place ? [before, place] : [place, before];
  }
  return undefined;
}

/** Finds the item that an address lies in, in log n steps. @param list items that do not overlap */
export function finder<T extends Bounds>(list: readonly T[]): (address: Address) => T | undefined {
  const ordered = inOrder(list).map((place) => list[place] as T);
  return (address) => {
    let [low, high] = [0, ordered.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore((ordered[middle] as T).last, address)) low = middle + 1;
      else high = middle;
    }
    const found = ordered[low];
    return found !== undefined && isWithin(address, found) ? found : undefined;
  };
}

/** The places of a list's items in the order of their addresses, IPv4 first. */
function inOrder(list: readonly Bounds[]): number[] {
  return [...list.keys()].sort((a, b) => compare((list[a] as Bounds).first, (list[b] as Bounds).first));
}

function compare(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

function isBefore(a: Address, b: Address): boolean {
  return compare(a, b) < 0;
}
