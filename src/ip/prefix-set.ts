import { type Address, type Family, networkOf, type Prefix } from "./address.ts";

type Networks = Readonly<Record<Family, Map<number, Set<bigint>>>>;

/**
 * Tells whether an address is in one of many prefixes, which may lie in each other: one look for each of their lengths. The prefixes
 * are read when the first address is asked for.
 */
export function prefixSet(prefixes: Iterable<Prefix>): (address: Address) => boolean {
  let networks: Networks | undefined;
  return (address) => {
    networks ??= networksOf(prefixes);
    for (const [length, values] of networks[address.family]) {
      if (values.has(networkOf({ address, length }).address.value)) return true;
    }
    return false;
  };
}

function networksOf(prefixes: Iterable<Prefix>): Networks {
  const networks: Networks = { 4: new Map(), 6: new Map() };
  for (const prefix of prefixes) {
    const { address, length } = networkOf(prefix);
    const ofLength = networks[address.family].get(length);
    if (ofLength === undefined) networks[address.family].set(length, new Set([address.value]));
    else ofLength.add(address.value);
  }
  return networks;
}
