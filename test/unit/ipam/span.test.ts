import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { type Address, formatAddress, type Prefix, parseAddress, parsePrefix } from "../../../src/ip/address.ts";
import { capacity, ring, type Span } from "../../../src/ipam/span.ts";

const address = (text: string): Address => parseAddress(text) as Address;

function span(subnet: string, first: string, last: string): Span {
  return { subnet: parsePrefix(subnet) as Prefix, first: address(first), last: address(last), gateway: undefined };
}

function names(spans: readonly Span[], after: string | undefined, never: readonly string[] = []): string[] {
  const start = after === undefined ? undefined : address(after);
  return [...ring(spans, start, never.map(address))].map(formatAddress);
}

const two = [span("10.0.0.0/29", "10.0.0.1", "10.0.0.3"), span("10.0.1.0/29", "10.0.1.5", "10.0.1.6")];

t.test("the ring begins at the first address when none was given before", async (t) => {
  t.strictSame(names(two, undefined), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.5", "10.0.1.6"]);
});

t.test("the ring begins after the last address given and ends with it", async (t) => {
  t.strictSame(names(two, "10.0.0.2"), ["10.0.0.3", "10.0.1.5", "10.0.1.6", "10.0.0.1", "10.0.0.2"]);
  t.strictSame(names(two, "10.0.0.3"), ["10.0.1.5", "10.0.1.6", "10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  t.strictSame(names(two, "10.0.1.6"), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.5", "10.0.1.6"]);
});

t.test("a last address that is in no span any more counts for nothing", async (t) => {
  t.strictSame(names(two, "10.0.0.4")[0], "10.0.0.1");
  t.strictSame(names(two, "2001:db8::1")[0], "10.0.0.1");
});

t.test("addresses that are never given are passed over, at the start too", async (t) => {
  t.strictSame(names(two, undefined, ["10.0.0.1", "10.0.1.6", "2001:db8::1"]), ["10.0.0.2", "10.0.0.3", "10.0.1.5"]);
  t.strictSame(names(two, "10.0.1.5", ["10.0.1.6"]), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.5"]);
  t.strictSame(names([span("10.0.0.0/32", "10.0.0.0", "10.0.0.0")], undefined, ["10.0.0.0"]), []);
});

t.test("a large subnet is not enumerated", async (t) => {
  const huge = span("2001:db8::/32", "2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
  const [first] = ring([huge], address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), []);
  t.equal(formatAddress(first as Address), "2001:db8::1");
});

/**
 * The reference's iterator as its source reads (host-local, backend/allocator/allocator.go: GetIter and Next), gateways
 * left out by the caller.
 */
function reference(spans: readonly Span[], last: Address | undefined): string[] {
  let range = spans.findIndex(
    ({ first, last: end }) => last !== undefined && last.value >= first.value && last.value <= end.value,
  );
  let current = range < 0 ? undefined : last?.value;
  let start: bigint | undefined = range < 0 ? (spans[0] as Span).first.value : undefined;
  if (range < 0) range = 0;
  const found: string[] = [];
  for (;;) {
    const here = spans[range] as Span;
    if (current === undefined) {
      current = here.first.value;
      start = current;
    } else {
      if (current === here.last.value) {
        range = (range + 1) % spans.length;
        current = (spans[range] as Span).first.value;
      } else {
        current++;
      }
      if (start === undefined) start = current;
      else if (current === start) return found;
    }
    found.push(formatAddress({ family: 4, value: current }));
  }
}

t.test("generated spans: the order is the reference's", async (t) => {
  const spans = fc
    .uniqueArray(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)), {
      minLength: 1,
      maxLength: 4,
      selector: ([block]) => block,
    })
    .map((blocks) =>
      blocks.map(([block, a, b]): Span => {
        const at = (host: number) => address(`10.0.0.${block * 16 + host}`);
        return {
          subnet: parsePrefix("10.0.0.0/24") as Prefix,
          first: at(Math.min(a, b)),
          last: at(Math.max(a, b)),
          gateway: undefined,
        };
      }),
    );
  const last = fc.option(
    fc.nat(255).map((host) => address(`10.0.0.${host}`)),
    { nil: undefined },
  );
  const property = fc.property(spans, last, (spans, last) => {
    deepEqual([...ring(spans, last, [])].map(formatAddress), reference(spans, last));
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

t.test("capacity counts what can be given", async (t) => {
  t.equal(capacity(two, []), 5n);
  t.equal(capacity(two, [address("10.0.0.1"), address("10.0.0.1"), address("10.0.0.7")]), 4n);
});
