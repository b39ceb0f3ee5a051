// Generated addresses and prefixes, with many of the kinds that go wrong: runs of zeros, ends of the space, host bits.
import fc from "fast-check";
import { type Address, bitsOf, type Family, type Prefix } from "../../../../src/ip/address.ts";

const anyFamily: fc.Arbitrary<Family> = fc.constantFrom(4, 6);

/** Some groups of 8 or 16 bits, each zero as often as not. */
function anyValue(family: Family): fc.Arbitrary<bigint> {
  const width = family === 4 ? 8 : 16;
  const group = fc.oneof(fc.constant(0), fc.nat(2 ** width - 1), fc.constant(2 ** width - 1));
  const count = bitsOf(family) / width;
  return fc
    .array(group, { minLength: count, maxLength: count })
    .map((groups) => groups.reduce((value, one) => (value << BigInt(width)) | BigInt(one), 0n));
}

export const anyAddress: fc.Arbitrary<Address> = anyFamily.chain((family) =>
  anyValue(family).map((value) => ({ family, value })),
);

export const anyPrefix: fc.Arbitrary<Prefix> = anyAddress.chain((address) =>
  fc.nat(bitsOf(address.family)).map((length) => ({ address, length })),
);
