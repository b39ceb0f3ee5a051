// Generated values for the netlink tests.
import fc from "fast-check";
import type { Address, Family, Prefix } from "../../../../src/ip/address.ts";

const byte = (): fc.Arbitrary<number> => fc.integer({ min: 0, max: 255 });
export const u16 = (): fc.Arbitrary<number> => fc.integer({ min: 0, max: 0xffff });
export const u32 = (): fc.Arbitrary<number> => fc.integer({ min: 0, max: 0xffff_ffff });
/** Interface index: a positive C int. */
export const index = (): fc.Arbitrary<number> => fc.integer({ min: 1, max: 0x7fff_ffff });
/** Interface name: 1 to 15 bytes, of which some kernels take any but NUL, space, slash and colon. */
export const name = (): fc.Arbitrary<string> =>
  fc
    .string({ unit: fc.constantFrom(..."abcXYZ0189-_.@ü"), minLength: 1, maxLength: 15 })
    .filter((text) => Buffer.byteLength(text) <= 15);
export const alias = (): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(..."az09- é"), maxLength: 120 });
export const hardwareAddress = (): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: 6, maxLength: 6 });

export const family = (): fc.Arbitrary<Family> => fc.constantFrom<Family>(4, 6);
export const address = (of: Family): fc.Arbitrary<Address> =>
  fc
    .bigInt({ min: 0n, max: of === 4 ? 0xffff_ffffn : (1n << 128n) - 1n })
    .map((value): Address => ({ family: of, value }));
export const prefix = (of?: Family): fc.Arbitrary<Prefix> =>
  (of === undefined ? family() : fc.constant(of)).chain((of) =>
    fc.record(
      { address: address(of), length: fc.integer({ min: 0, max: of === 4 ? 32 : 128 }) },
      { noNullPrototype: true },
    ),
  );

/** The address as hexadecimal digits: written with no code of src/. */
export const hexOf = ({ family, value }: Address): string => value.toString(16).padStart(family === 4 ? 8 : 32, "0");

/** Bytes that look like netlink's: small numbers, so that lengths and types often make sense. */
export const netlinkLike = (maxLength = 64): fc.Arbitrary<Uint8Array> =>
  fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 12, 16, 18, 20) },
        { weight: 1, arbitrary: byte() },
      ),
      {
        maxLength,
      },
    )
    .map((bytes) => Uint8Array.from(bytes));
