// host-local's configuration as the reference plugin reads it: plugins, ipam/host-local, backend/allocator/config.go and
// range.go. The differential tests compare the two at work.
import t from "tap";
import { parse, parseWithWarnings, readable, refuse } from "./lib/parsing.ts";

const hostLocal = (ipam: object, more: object = {}): object => ({ ipam: { type: "host-local", ...ipam }, ...more });
const rangeSets = (value: object): unknown => (readable(parse(value).ipam) as { rangeSets: unknown }).rangeSets;

t.test("what is not given is filled in as there", async (t) => {
  t.strictSame(readable(parse(hostLocal({ ranges: [[{ subnet: "10.1.0.0/16" }]] })).ipam), {
    type: "host-local",
    rangeSets: [[{ subnet: "10.1.0.0/16", first: "10.1.0.1", last: "10.1.255.254", gateway: "10.1.0.1" }]],
    routes: [],
    dataDir: "/var/lib/cni/networks",
  });
  t.strictSame(rangeSets(hostLocal({ ranges: [[{ subnet: "2001:db8::/64" }]] })), [
    [
      {
        subnet: "2001:db8::/64",
        first: "2001:db8::1",
        last: "2001:db8::ffff:ffff:ffff:ffff",
        gateway: "2001:db8::1",
      },
    ],
  ]);
});

t.test("what is given stays", async (t) => {
  const bounds = { rangeStart: "10.1.0.5", rangeEnd: "10.1.255.250" };
  const range = { subnet: "10.1.0.0/16", gateway: "10.1.9.9" };
  const ipam = {
    ranges: [[{ ...range, ...bounds }]],
    routes: [{ dst: "0.0.0.0/0" }],
    dataDir: "relative",
    resolvConf: "/etc/resolv.conf",
  };
  t.strictSame(readable(parse(hostLocal(ipam)).ipam), {
    type: "host-local",
    rangeSets: [[{ ...range, first: bounds.rangeStart, last: bounds.rangeEnd }]],
    routes: [{ dst: "0.0.0.0/0" }],
    dataDir: "relative",
    resolvConf: "/etc/resolv.conf",
  });
});

t.test("the runtime's ranges, then the older form's single range, then the sets", async (t) => {
  const value = hostLocal(
    { subnet: "10.2.0.0/16", rangeStart: "10.2.0.5", ranges: [[{ subnet: "10.3.0.0/16" }]] },
    { runtimeConfig: { ipRanges: [[{ subnet: "10.1.0.0/16" }], [{ subnet: "fd00::/64" }]] } },
  );
  t.match(rangeSets(value), [
    [{ subnet: "10.1.0.0/16" }],
    [{ subnet: "fd00::/64" }],
    [{ subnet: "10.2.0.0/16", first: "10.2.0.5", last: "10.2.255.254" }],
    [{ subnet: "10.3.0.0/16" }],
  ]);
  t.equal((rangeSets(hostLocal({ subnet: "10.2.0.0/16" }, { runtimeConfig: { ipRanges: null } })) as []).length, 1);
});

t.test("the subnet's own addresses are no container's, whatever the range says", async (t) => {
  for (const [range, first, last] of [
    [{ subnet: "10.1.0.0/29", rangeStart: "10.1.0.0", rangeEnd: "10.1.0.7" }, "10.1.0.1", "10.1.0.6"],
    [{ subnet: "10.1.0.0/29", rangeStart: "10.1.0.6", rangeEnd: "10.1.0.7" }, "10.1.0.6", "10.1.0.6"],
    [{ subnet: "fd00::/64", rangeStart: "fd00::", rangeEnd: "fd00::ff" }, "fd00::1", "fd00::ff"],
  ] as const) {
    t.match(rangeSets(hostLocal({ ranges: [[range]] })), [[{ first, last }]]);
  }
  for (const bound of ["10.1.0.0", "10.1.0.7"]) {
    const { code, message } = refuse(hostLocal({ subnet: "10.1.0.0/29", rangeStart: bound, rangeEnd: bound }));
    t.equal(code, 7);
    t.match(message, `${bound} is 10.1.0.0/29's own, no host's`);
  }
});

t.test("a gateway outside of the subnet is reached by a route out of the device, or refused", async (t) => {
  const range = { subnet: "203.0.113.0/28", gateway: "198.51.100.1" };
  const all = { dst: "0.0.0.0/0" };
  for (const route of [
    { dst: "198.51.100.1/32", gw: "0.0.0.0" },
    { dst: "198.51.100.1/32", scope: 253 },
    { dst: "198.51.100.0/24" },
  ]) {
    t.match(rangeSets(hostLocal({ ...range, routes: [all, route] })), [[{ gateway: "198.51.100.1" }]]);
    t.doesNotThrow(() => parse({ master: "eth0", ipam: { subnets: [range], routes: [all, route] } }), "built in, too");
  }
  const hint = 'in ipam.routes: {"dst":"198.51.100.1/32","gw":"0.0.0.0"}';
  for (const routes of [[], [all], [{ dst: "198.51.100.1/32", gw: "203.0.113.2" }], [{ dst: "198.51.101.0/24" }]]) {
    const inOrder = [
      refuse(hostLocal({ ...range, routes })),
      refuse({ master: "eth0", ipam: { subnets: [range], routes } }),
    ];
    t.strictSame(
      inOrder.map(({ code, details }) => [code, details]),
      [
        [7, "/ipam/gateway"],
        [7, "/ipam/subnets/0/gateway"],
      ],
    );
    for (const { message } of inOrder) t.match(message, hint);
  }
  t.doesNotThrow(() => parse(hostLocal({ subnet: "fd00::/64", gateway: "fe80::1" })), "a router's link-local address");
});

t.test("keys of host-local that mean nothing are passed over, as there", async (t) => {
  t.doesNotThrow(() => parse(hostLocal({ name: "x", colour: 1, ranges: [[{ subnet: "10.1.0.0/16", colour: 1 }]] })));
  t.doesNotThrow(() => parse(hostLocal({ subnet: "10.1.0.0/16", routes: [{ dst: "10.0.0.0/8", metric: 5 }] })));
});

t.test("what is wrong", async (t) => {
  const range = (...list: object[]): object => hostLocal({ ranges: [list] });
  for (const [value, details, message] of [
    [hostLocal({}), "/ipam", 'needs "ranges"'],
    [hostLocal({ gateway: "10.1.0.1" }), "/ipam", 'needs "ranges"'],
    [hostLocal({ ranges: [] }), "/ipam", 'needs "ranges"'],
    [hostLocal({ ranges: [[]] }), "/ipam/ranges/0", "has no range in it"],
    [hostLocal({ ranges: [{ subnet: "10.1.0.0/16" }] }), "/ipam/ranges/0", "must be a list"],
    [range({ rangeStart: "10.1.0.5" }), "/ipam/ranges/0/0", 'lacks the key "subnet"'],
    [range({ subnet: "10.1.0.0/31" }), "/ipam/ranges/0/0/subnet", "10.1.0.0/31 is too small"],
    [range({ subnet: "fd00::/127" }), "/ipam/ranges/0/0/subnet", "is too small"],
    [range({ subnet: "10.1.0.1/16" }), "/ipam/ranges/0/0/subnet", "host bits set: the network is 10.1.0.0/16"],
    [hostLocal({ subnet: "10.1.0.1/16" }), "/ipam/subnet", "host bits set"],
    [range({ subnet: "10.1.0.0/16", rangeStart: "10.2.0.1" }), "/ipam/ranges/0/0/rangeStart", "is outside of"],
    [range({ subnet: "10.1.0.0/16", rangeStart: "fd00::1" }), "/ipam/ranges/0/0/rangeStart", "is outside of"],
    [range({ subnet: "10.1.0.0/16", rangeEnd: "10.2.0.1" }), "/ipam/ranges/0/0/rangeEnd", "is outside of"],
    [
      range({ subnet: "10.1.0.0/16", rangeStart: "10.1.0.9", rangeEnd: "10.1.0.8" }),
      "/ipam/ranges/0/0/rangeEnd",
      "10.1.0.8 is before the range's start 10.1.0.9",
    ],
    [range({ subnet: "10.1.0.0/16", gateway: "x" }), "/ipam/ranges/0/0/gateway", "is no IP address"],
    [range({ subnet: "10.1.0.0/16", gateway: "fd00::1" }), "/ipam/ranges/0/0/gateway", "must be an IPv4 address"],
    [range({ subnet: "10.1.0.0/16" }, { subnet: "fd00::/64" }), "/ipam/ranges/0/1", "of another family"],
    [
      range({ subnet: "10.1.0.0/16", rangeEnd: "10.1.0.9" }, { subnet: "10.1.0.0/16", rangeStart: "10.1.0.9" }),
      "/ipam/ranges/0/1",
      "10.1.0.9-10.1.255.254 overlaps 10.1.0.1-10.1.0.9",
    ],
    [
      range({ subnet: "10.1.0.0/16", rangeStart: "10.1.0.9" }, { subnet: "10.1.0.0/16", rangeEnd: "10.1.0.9" }),
      "/ipam/ranges/0/1",
      "10.1.0.1-10.1.0.9 overlaps 10.1.0.9-10.1.255.254",
    ],
    [
      hostLocal({ ranges: [[{ subnet: "10.1.0.0/16" }], [{ subnet: "fd00::/64" }], [{ subnet: "10.0.0.0/8" }]] }),
      "/ipam/ranges",
      "overlap: 10.1.0.1-10.1.255.254 and 10.0.0.1-10.255.255.254",
    ],
    [
      hostLocal({ ranges: [[{ subnet: "10.1.0.0/16" }], [{ subnet: "10.2.0.0/16" }]] }, { cniVersion: "0.2.0" }),
      "/ipam/ranges",
      "has several sets of IPv4, and cniVersion 0.2.0 has room for one",
    ],
    [
      hostLocal({}, { runtimeConfig: { ipRanges: [[{ subnet: "10.1.0.1/16" }]] } }),
      "/runtimeConfig/ipRanges/0/0/subnet",
      "host bits set",
    ],
  ] as const) {
    const error = refuse(value);
    t.strictSame([error.code, error.details], [7, details], error.message);
    t.match(error.message, message);
  }
});

t.test("ranges side by side in one subnet do not overlap", async (t) => {
  const ranges = [
    { subnet: "10.1.0.0/16", rangeEnd: "10.1.0.9" },
    { subnet: "10.1.0.0/16", rangeStart: "10.1.0.10" },
  ];
  t.equal((rangeSets(hostLocal({ ranges: [ranges] })) as [][])[0]?.length, 2);
  t.equal((rangeSets(hostLocal({ ranges: ranges.map((range) => [range]) })) as []).length, 2);
});

t.test("one set of each family fits into 0.2.0", async (t) => {
  const ranges = [[{ subnet: "10.1.0.0/16" }], [{ subnet: "fd00::/64" }]];
  t.equal((rangeSets(hostLocal({ ranges }, { cniVersion: "0.2.0" })) as []).length, 2);
});

t.test("a destination with host bits is masked, with a warning: the kernel masks it or refuses it", async (t) => {
  const { config, warnings } = parseWithWarnings(hostLocal({ subnet: "10.1.0.0/16", routes: [{ dst: "10.9.9.9/8" }] }));
  t.match(readable(config.ipam), { routes: [{ dst: "10.0.0.0/8" }] });
  t.strictSame(warnings, ["route 10.9.9.9/8 is read as 10.0.0.0/8"]);
});
