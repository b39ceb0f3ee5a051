import fc from "fast-check";
import t from "tap";
import { hash32 } from "../../src/hash.ts";

t.test("hash is FNV-1a in 32 bits", async (t) => {
  // draft-eastlake-fnv, "Test vectors"
  t.equal(hash32(""), 0x811c9dc5);
  t.equal(hash32("a"), 0xe40c292c);
  t.equal(hash32("foobar"), 0xbf9cf968);
  const slowly = (text: string): number => {
    let value = 0x811c9dc5n;
    for (let i = 0; i < text.length; i++) {
      value = ((value ^ BigInt(text.charCodeAt(i))) * 0x01000193n) & 0xffffffffn;
    }
    return Number(value);
  };
  t.doesNotThrow(() => fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => hash32(text) === slowly(text))));
});

t.test("a text may be hashed in pieces", async (t) => {
  t.doesNotThrow(() =>
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => hash32(b, hash32(a)) === hash32(a + b))),
  );
});
