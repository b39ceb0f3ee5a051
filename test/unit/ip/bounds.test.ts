import fc from "fast-check";
import t from "tap";
import { contains, networkOf, type Prefix } from "../../../src/ip/address.ts";
import { type Bounds, boundsOf, finder, findOverlap, isWithin } from "../../../src/ip/bounds.ts";
import { prefixSet } from "../../../src/ip/prefix-set.ts";
import { anyPrefix } from "./lib/arbitrary.ts";

const address = (value: number, family: 4 | 6 = 4) => ({ family, value: BigInt(value) });
const bounds = (first: number, last: number, family: 4 | 6 = 4): Bounds => ({
  first: address(first, family),
  last: address(last, family),
});
const anyBounds = fc
  .tuple(fc.nat(300), fc.nat(20), fc.constantFrom(4 as const, 6 as const))
  .map(([first, length, family]) => bounds(first, first + length, family));
const doOverlap = (a: Bounds, b: Bounds): boolean => isWithin(a.first, b) || isWithin(b.first, a);

t.test("an overlap is found wherever there is one, and it is one", async (t) => {
  t.strictSame(findOverlap([bounds(5, 9), bounds(1, 4), bounds(9, 12)]), [0, 2]);
  t.strictSame(findOverlap([bounds(1, 100), bounds(7, 8), bounds(3, 4)])?.[0], 0);
  t.equal(findOverlap([bounds(1, 9), bounds(1, 9, 6)]), undefined);
  const property = fc.property(fc.array(anyBounds, { maxLength: 12 }), (list) => {
    const found = findOverlap(list);
    const isThere = list.some((one, i) => list.some((other, j) => i < j && doOverlap(one, other)));
    if (found === undefined) return !isThere;
    const [one, other] = found.map((place) => list[place]) as [Bounds, Bounds];
    return found[0] < found[1] && doOverlap(one, other);
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

t.test("the item that holds an address is found", async (t) => {
  const property = fc.property(fc.array(anyBounds, { maxLength: 12 }), fc.nat(330), (list, value) => {
    const apart: Bounds[] = [];
    for (const one of list) if (!apart.some((other) => doOverlap(one, other))) apart.push(one);
    return ([4, 6] as const).every((family) => {
      const wanted = address(value, family);
      return finder(apart)(wanted) === apart.find((one) => isWithin(wanted, one));
    });
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

t.test("prefixes in each other: an address is in one of them or in none", async (t) => {
  const property = fc.property(fc.array(anyPrefix, { maxLength: 8 }), anyPrefix, (prefixes: Prefix[], one: Prefix) => {
    const wanted = [one.address, ...prefixes.flatMap((prefix) => [boundsOf(prefix).last, networkOf(prefix).address])];
    const isIn = prefixSet(prefixes);
    return wanted.every((address) => isIn(address) === prefixes.some((prefix) => contains(prefix, address)));
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
});
