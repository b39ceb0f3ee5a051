import fc from "fast-check";
import t from "tap";
import { parseSubnets } from "../../../src/config/subnets.ts";
import { PluginError } from "../../../src/errors.ts";
import {
  bitsOf,
  contains,
  firstOf,
  formatAddress,
  formatPrefix,
  lastOf,
  networkOf,
  offset,
  sameAddress,
} from "../../../src/ip/address.ts";
import { anyPrefix } from "../ip/lib/arbitrary.ts";
import { parse, readable } from "./lib/parsing.ts";

const rules = { hasGateways: true, isReached: () => false };
const one = (subnet: object): unknown => readable(parseSubnets([subnet as never], "/ipam/subnets", rules)[0]);

t.test("gateway and addresses of a subnet, by default", async (t) => {
  for (const [subnet, gateway, first, last] of [
    ["192.168.1.0/24", "192.168.1.1", "192.168.1.1", "192.168.1.254"],
    ["192.168.1.0/30", "192.168.1.1", "192.168.1.1", "192.168.1.2"],
    ["192.168.1.4/31", "192.168.1.4", "192.168.1.4", "192.168.1.5"],
    ["192.168.1.9/32", undefined, "192.168.1.9", "192.168.1.9"],
    ["10.0.0.0/8", "10.0.0.1", "10.0.0.1", "10.255.255.254"],
    ["2001:db8::/64", "2001:db8::1", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"],
    ["2001:db8::4/127", "2001:db8::4", "2001:db8::4", "2001:db8::5"],
    ["2001:db8::9/128", undefined, "2001:db8::9", "2001:db8::9"],
  ] as const) {
    t.same(one({ subnet }), { subnet, ...(gateway && { gateway }), first, last, excluded: [] }, subnet);
  }
});

t.test(
  "a gateway elsewhere leaves the first address to containers (Docker's documentation, IPv6 example)",
  async (t) => {
    t.match(one({ subnet: "2001:db8:abc2::/64", gateway: "2001:db8:abc2::22" }), {
      gateway: "2001:db8:abc2::22",
      first: "2001:db8:abc2::1",
    });
    t.match(one({ subnet: "10.0.0.0/31", gateway: "10.0.0.1" }), {
      gateway: "10.0.0.1",
      first: "10.0.0.0",
      last: "10.0.0.1",
    });
    t.match(one({ subnet: "10.0.0.0/24", gateway: "" }), { gateway: "10.0.0.1" });
  },
);

t.test("a router's link-local address is a gateway of any IPv6 subnet", async (t) => {
  t.match(one({ subnet: "2001:db8::/64", gateway: "fe80::1" }), { gateway: "fe80::1", first: "2001:db8::1" });
});

t.test("ipRange narrows, but never to the subnet's own addresses", async (t) => {
  for (const [ipRange, first, last] of [
    ["192.168.1.128/25", "192.168.1.128", "192.168.1.254"],
    ["192.168.1.0/25", "192.168.1.1", "192.168.1.127"],
    ["192.168.1.64/26", "192.168.1.64", "192.168.1.127"],
    ["192.168.1.0/24", "192.168.1.1", "192.168.1.254"],
    ["192.168.1.7/32", "192.168.1.7", "192.168.1.7"],
  ] as const) {
    t.match(one({ subnet: "192.168.1.0/24", ipRange }), { gateway: "192.168.1.1", first, last }, ipRange);
  }
  t.match(one({ subnet: "2001:db8::/64", ipRange: "2001:db8::/120" }), { first: "2001:db8::1", last: "2001:db8::ff" });
});

t.test("auxAddresses: a list, or Docker's names with an address each", async (t) => {
  const excluded = ["10.0.0.5", "10.0.0.6"];
  t.match(one({ subnet: "10.0.0.0/24", auxAddresses: excluded }), { excluded });
  t.match(one({ subnet: "10.0.0.0/24", auxAddresses: { router: "10.0.0.5", "a/b": "10.0.0.6" } }), { excluded });
  t.match(one({ subnet: "10.0.0.0/24", auxAddresses: [...excluded, "10.0.0.5"] }), { excluded }, "each once");
});

t.test("several subnets of both families, in their order (Docker's documentation, dual stack)", async (t) => {
  const { ipam } = parse({
    ipam: {
      subnets: [
        { subnet: "192.168.140.0/24", gateway: "192.168.140.1" },
        { subnet: "192.168.142.0/24", gateway: "192.168.142.1" },
        { subnet: "2001:db8:abc9::/64", gateway: "2001:db8:abc9::22" },
      ],
    },
  });
  t.match(readable(ipam), {
    type: "builtin",
    subnets: [{ subnet: "192.168.140.0/24" }, { subnet: "192.168.142.0/24" }, { subnet: "2001:db8:abc9::/64" }],
    defaultPool: false,
  });
});

t.test("without an IPv4 subnet there is a default pool, unless IPv4 is turned off", async (t) => {
  const subnets = [{ subnet: "2001:db8::/64" }];
  t.match(parse({ ipam: { subnets } }).ipam, { defaultPool: true });
  t.match(parse({ ipam: { subnets, ipv4: true } }).ipam, { defaultPool: true });
  t.match(parse({ ipam: { subnets, ipv4: false } }).ipam, { defaultPool: false });
  t.match(parse({ ipam: { subnets: [] } }).ipam, { defaultPool: true });
});

t.test(
  "of any subnet: gateway and range lie in it, and an address is left, or there is an error in words",
  async () => {
    const anySubnet = anyPrefix.chain((prefix) => {
      const network = networkOf(prefix);
      const bits = bitsOf(network.address.family);
      const somewhere = fc.bigInt(-1n, (1n << BigInt(bits - network.length)) + 1n).map((by) => {
        const { family, value } = offset(network.address, by);
        return { family, value: BigInt.asUintN(bits, value) };
      });
      const range = fc
        .tuple(somewhere, fc.nat(bits))
        .map(([address, length]) => formatPrefix(networkOf({ address, length })));
      return fc.record(
        {
          subnet: fc.constant(formatPrefix(network)),
          gateway: somewhere.map(formatAddress),
          ipRange: range,
          auxAddresses: fc.array(somewhere.map(formatAddress), { maxLength: 3 }),
        },
        { requiredKeys: ["subnet"] },
      );
    });
    let accepted = 0;
    fc.assert(
      fc.property(anySubnet, (raw) => {
        let parsed: ReturnType<typeof parseSubnets>[number] | undefined;
        try {
          [parsed] = parseSubnets([raw as never], "/s", rules);
        } catch (error) {
          return error instanceof PluginError && error.code === 7 && error.details.startsWith("/s/0");
        }
        if (parsed === undefined) return false;
        accepted++;
        const { subnet, gateway, first, last, excluded } = parsed;
        const taken = [...excluded, ...(gateway === undefined ? [] : [gateway])];
        const inRange = new Set(
          taken.map(({ value }) => value).filter((value) => value >= first.value && value <= last.value),
        );
        const isLarge = bitsOf(subnet.address.family) - subnet.length >= 2;
        return (
          contains(subnet, first) &&
          contains(subnet, last) &&
          last.value - first.value + 1n > BigInt(inRange.size) &&
          (gateway === undefined || contains(subnet, gateway) || formatAddress(gateway).startsWith("fe8")) &&
          !(isLarge && sameAddress(first, firstOf(subnet))) &&
          !(isLarge && first.family === 4 && sameAddress(last, lastOf(subnet)))
        );
      }),
      { numRuns: 400 },
    );
    t.ok(accepted > 50, `${accepted} of 400 are accepted`);
  },
);
