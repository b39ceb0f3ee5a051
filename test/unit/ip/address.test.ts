import fc from "fast-check";
import t from "tap";
import {
  type Address,
  bitsOf,
  contains,
  type Family,
  firstOf,
  formatAddress,
  formatPrefix,
  fromBytes,
  lastOf,
  networkOf,
  offset,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  sameAddress,
  samePrefix,
  toBytes,
  usableRange,
} from "../../../src/ip/address.ts";
import { anyAddress, anyPrefix } from "./lib/arbitrary.ts";

const address = (text: string): Address => parseAddress(text) as Address;
const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;

t.test("text forms that are read, and how they are written (RFC 5952)", async (t) => {
  for (const [text, canonical] of [
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["192.168.1.1", "192.168.1.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8::A", "2001:db8::a"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"],
  ] as const) {
    t.equal(formatAddress(address(text)), canonical, text);
  }
});

t.test("text that is no address is refused", async (t) => {
  for (const text of [
    ..."1.2.3|1.2.3.4.5|1.2.3.256|1.2.3.04|01.2.3.4|1.2.3.|.1.2.3|1..2.3|1.2.3.4 | 1.2.3.4|0x1.2.3.4|1.2.3.-4".split(
      "|",
    ),
    ..."1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8::|::1::|:::|1:::2|:1::|1::2:|12345::|g::|::1.2.3|::1.2.3.4:5".split(
      "|",
    ),
    ..."|:|1.2.3.4::|fe80::1%eth0|1:2:3:4:5:6:7:1.2.3.4|::01.2.3.4|localhost".split("|"),
  ]) {
    t.equal(parseAddress(text), undefined, JSON.stringify(text));
  }
});

t.test("text that is no prefix is refused", async (t) => {
  for (const text of "1.2.3.4|1.2.3.4/|1.2.3.4/33|1.2.3.4/-1|1.2.3.4/08|1.2.3.4/8/8|/8|::/129|::/1.5|::/ 8|::/8 ".split(
    "|",
  )) {
    t.equal(parsePrefix(text), undefined, JSON.stringify(text));
  }
});

t.test("addresses are written and read back the same", async () => {
  fc.assert(fc.property(anyAddress, (one) => sameAddress(address(formatAddress(one)), one)));
});

t.test("prefixes are written and read back the same, host bits included", async () => {
  fc.assert(fc.property(anyPrefix, (one) => samePrefix(prefix(formatPrefix(one)), one)));
});

t.test("IPv6 text with every group written out is the same address", async () => {
  const inFull = ({ value }: Address): string =>
    (value.toString(16).padStart(32, "0").match(/.{4}/g) as string[]).join(":").toUpperCase();
  const v6 = anyAddress.filter(({ family }) => family === 6);
  fc.assert(fc.property(v6, (one) => sameAddress(address(inFull(one)), one)));
});

t.test("no text makes the parser fail otherwise than by undefined", async () => {
  const text = fc.string({ unit: fc.constantFrom(..."0123456789abcdefF:./x% "), maxLength: 45 });
  fc.assert(
    fc.property(text, (one) => {
      const found = parseAddress(one);
      parsePrefix(one);
      return found === undefined || sameAddress(address(formatAddress(found)), found);
    }),
  );
});

t.test("bytes are the address in network order", async (t) => {
  t.strictSame([...toBytes(address("192.168.1.2"))], [192, 168, 1, 2]);
  t.strictSame([...toBytes(address("2001:db8::1"))], [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1]);
  fc.assert(fc.property(anyAddress, (one) => sameAddress(fromBytes(toBytes(one)), one)));
});

t.test("a prefix contains from its first to its last address and nothing beside", async () => {
  fc.assert(
    fc.property(anyPrefix, (one) => {
      const [first, last] = [firstOf(one), lastOf(one)];
      const size = 1n << BigInt(bitsOf(first.family) - one.length);
      const highest = (1n << BigInt(bitsOf(first.family))) - 1n;
      return (
        last.value - first.value + 1n === size &&
        contains(one, first) &&
        contains(one, last) &&
        contains(one, one.address) &&
        (first.value === 0n || !contains(one, offset(first, -1n))) &&
        (last.value === highest || !contains(one, offset(last, 1n)))
      );
    }),
  );
});

t.test("a network has no host bits and is its own network", async () => {
  fc.assert(
    fc.property(anyPrefix, (one) => {
      const network = networkOf(one);
      return samePrefix(networkOf(network), network) && sameAddress(network.address, firstOf(one));
    }),
  );
});

t.test("addresses of the other family are in no prefix", async (t) => {
  t.notOk(contains(prefix("0.0.0.0/0"), address("::1")));
  t.notOk(contains(prefix("::/0"), address("0.0.0.1")));
  t.notOk(overlaps(prefix("0.0.0.0/0"), prefix("::/0")));
});

t.test("two prefixes overlap exactly when one holds the other's first address", async () => {
  const near = fc.tuple(anyPrefix, fc.nat(128), fc.bigInt(-4n, 4n)).map(([one, length, step]): [Prefix, Prefix] => {
    const bits = bitsOf(one.address.family);
    const value = BigInt.asUintN(bits, one.address.value + (step << BigInt(bits - one.length)));
    return [one, { address: { family: one.address.family, value }, length: length % (bits + 1) }];
  });
  fc.assert(
    fc.property(near, ([a, b]) => {
      const expected = contains(a, firstOf(b)) || contains(b, firstOf(a));
      return overlaps(a, b) === expected && overlaps(b, a) === expected;
    }),
  );
});

t.test("usable addresses leave out what hosts may not have", async (t) => {
  for (const [text, first, last] of [
    ["192.168.1.0/24", "192.168.1.1", "192.168.1.254"],
    ["192.168.1.0/30", "192.168.1.1", "192.168.1.2"],
    ["192.168.1.0/31", "192.168.1.0", "192.168.1.1"],
    ["192.168.1.7/32", "192.168.1.7", "192.168.1.7"],
    ["2001:db8::/64", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"],
    ["2001:db8::/126", "2001:db8::1", "2001:db8::3"],
    ["2001:db8::/127", "2001:db8::", "2001:db8::1"],
    ["2001:db8::7/128", "2001:db8::7", "2001:db8::7"],
  ] as const) {
    const range = usableRange(prefix(text));
    t.strictSame([formatAddress(range.first), formatAddress(range.last)], [first, last], text);
  }
});

t.test("widths", async (t) => {
  t.strictSame(([4, 6] as Family[]).map(bitsOf), [32, 128]);
});
