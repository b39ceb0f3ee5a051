// Our address arithmetic against another author's: the package ip-cidr.
import fc from "fast-check";
import IPCIDR from "ip-cidr";
import t from "tap";
import {
  type Address,
  contains,
  firstOf,
  formatAddress,
  formatPrefix,
  lastOf,
  networkOf,
  offset,
  parseAddress,
  parsePrefix,
  sameAddress,
} from "../../../src/ip/address.ts";
import * as arbitrary from "./lib/arbitrary.ts";

// The package takes IPv4-mapped addresses for IPv4 ones; to the kernel and to us they are IPv6.
const isMapped = ({ family, value }: Address): boolean => family === 6 && value >> 32n === 0xffffn;
const anyAddress = arbitrary.anyAddress.filter((address) => !isMapped(address));
const anyPrefix = arbitrary.anyPrefix.filter(
  (prefix) => ![prefix.address, firstOf(prefix), lastOf(prefix)].some(isMapped),
);

t.test("first and last address of a prefix", async () => {
  fc.assert(
    fc.property(anyPrefix, (prefix) => {
      const oracle = new IPCIDR(formatPrefix(prefix));
      const [first, last] = [parseAddress(String(oracle.start())), parseAddress(String(oracle.end()))];
      return (
        first !== undefined &&
        last !== undefined &&
        sameAddress(first, firstOf(prefix)) &&
        sameAddress(last, lastOf(prefix))
      );
    }),
  );
});

t.test("whether a prefix contains an address, at its ends and beside them", async () => {
  fc.assert(
    fc.property(anyPrefix, fc.constantFrom(-1n, 0n, 1n), fc.boolean(), (prefix, step, atEnd) => {
      const edge = atEnd ? lastOf(prefix) : firstOf(prefix);
      const highest = (1n << (edge.family === 4 ? 32n : 128n)) - 1n;
      fc.pre(edge.value + step >= 0n && edge.value + step <= highest);
      const address = offset(edge, step);
      fc.pre(!isMapped(address));
      const oracle = new IPCIDR(formatPrefix(networkOf(prefix)));
      return oracle.contains(formatAddress(address)) === contains(prefix, address);
    }),
  );
});

t.test("text of addresses means the same to both", async () => {
  fc.assert(fc.property(anyAddress, (address) => IPCIDR.isValidAddress(formatAddress(address))));
});

t.test("a prefix that we read is one there, too", async () => {
  const text = fc
    .tuple(fc.ipV4(), fc.nat(40))
    .map(([address, length]) => `${address}/${length}`)
    .filter((one) => parsePrefix(one) !== undefined);
  fc.assert(fc.property(text, (one) => IPCIDR.isValidCIDR(one)));
});
