import fc from "fast-check";
import t from "tap";
import { formatResult } from "../../../src/cni/print.ts";
import type { Result } from "../../../src/cni/result.ts";
import { resultFromJson } from "../../../src/cni/result-from-json.ts";
import { resultToJson } from "../../../src/cni/result-to-json.ts";
import { type CniVersion, cniVersions, isAtLeast } from "../../../src/cni/versions.ts";
import { type Address, type Prefix, parseAddress, parsePrefix } from "../../../src/ip/address.ts";
import { anyResult } from "./lib/arbitrary.ts";
import { refusal } from "./lib/refusal.ts";

const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
const address = (text: string): Address => parseAddress(text) as Address;

const result: Result = {
  interfaces: [{ name: "eth0", mac: "00:11:22:33:44:55", mtu: 1500, sandbox: "/run/netns/blue" }],
  ips: [
    { address: prefix("10.1.0.5/16"), gateway: address("10.1.0.1"), interface: 0 },
    { address: prefix("2001:db8::5/64"), interface: 0 },
  ],
  routes: [
    { dst: prefix("0.0.0.0/0"), gw: address("10.1.0.1"), mtu: 1400, advmss: 1360, priority: 10, table: 254, scope: 0 },
    { dst: prefix("::/0"), scope: 253 },
  ],
  dns: { nameservers: ["10.1.0.1"], domain: "example.org", search: ["example.org"], options: ["ndots:5"] },
};

/** As text: the order of keys is part of what is promised. */
const lines = (value: unknown): string => JSON.stringify(value, undefined, 1);
const written = (version: CniVersion): string => lines(resultToJson(result, version));

const dnsInOrder = {
  nameservers: ["10.1.0.1"],
  domain: "example.org",
  search: ["example.org"],
  options: ["ndots:5"],
};
const dnsSorted = { domain: "example.org", nameservers: ["10.1.0.1"], options: ["ndots:5"], search: ["example.org"] };

t.test("1.1.0 has everything, keys in the alphabet's order as libcni writes them", async (t) => {
  t.equal(
    written("1.1.0"),
    lines({
      cniVersion: "1.1.0",
      dns: dnsSorted,
      interfaces: [{ mac: "00:11:22:33:44:55", mtu: 1500, name: "eth0", sandbox: "/run/netns/blue" }],
      ips: [
        { address: "10.1.0.5/16", gateway: "10.1.0.1", interface: 0 },
        { address: "2001:db8::5/64", interface: 0 },
      ],
      routes: [
        { advmss: 1360, dst: "0.0.0.0/0", gw: "10.1.0.1", mtu: 1400, priority: 10, scope: 0, table: 254 },
        { dst: "::/0", scope: 253 },
      ],
    }),
  );
});

t.test("1.0.0 knows no MTU of links and no attributes of routes", async (t) => {
  t.equal(
    written("1.0.0"),
    lines({
      cniVersion: "1.0.0",
      dns: dnsSorted,
      interfaces: [{ mac: "00:11:22:33:44:55", name: "eth0", sandbox: "/run/netns/blue" }],
      ips: [
        { address: "10.1.0.5/16", gateway: "10.1.0.1", interface: 0 },
        { address: "2001:db8::5/64", interface: 0 },
      ],
      routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }, { dst: "::/0" }],
    }),
  );
});

for (const version of ["0.3.0", "0.3.1", "0.4.0"] as const) {
  t.test(`${version} says the family of each address`, async (t) => {
    t.equal(
      written(version),
      lines({
        cniVersion: version,
        interfaces: [{ name: "eth0", mac: "00:11:22:33:44:55", sandbox: "/run/netns/blue" }],
        ips: [
          { version: "4", interface: 0, address: "10.1.0.5/16", gateway: "10.1.0.1" },
          { version: "6", interface: 0, address: "2001:db8::5/64" },
        ],
        routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }, { dst: "::/0" }],
        dns: dnsInOrder,
      }),
    );
  });
}

for (const version of ["0.1.0", "0.2.0"] as const) {
  t.test(`${version} has ip4 and ip6 with their routes`, async (t) => {
    t.equal(
      written(version),
      lines({
        cniVersion: version,
        ip4: { ip: "10.1.0.5/16", gateway: "10.1.0.1", routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }] },
        ip6: { ip: "2001:db8::5/64", routes: [{ dst: "::/0" }] },
        dns: dnsInOrder,
      }),
    );
  });

  t.test(`${version} refuses in words what it has no room for`, async (t) => {
    const two = [...result.ips, { address: prefix("10.1.0.6/16") }];
    const many = refusal(() => resultToJson({ ...result, ips: two }, version));
    t.equal(many.code, 1);
    t.match(many.message, `cniVersion ${version} has room for one IPv4 address, and this attachment has 2`);
    t.equal(refusal(() => resultToJson({ ...result, ips: [] }, version)).code, 1);
  });
}

t.test("what is empty is left out; dns stays until 0.4.0, as libcni does", async (t) => {
  const empty: Result = { interfaces: [], ips: [], routes: [], dns: { nameservers: [] } };
  t.equal(JSON.stringify(resultToJson(empty, "1.1.0")), '{"cniVersion":"1.1.0"}');
  t.equal(JSON.stringify(resultToJson(empty, "0.4.0")), '{"cniVersion":"0.4.0","dns":{}}');
});

t.test("a printed result is indented JSON with a final newline", async (t) => {
  t.equal(
    formatResult({ ...result, ips: [], routes: [], interfaces: [], dns: {} }, "1.0.0"),
    '{\n    "cniVersion": "1.0.0"\n}\n',
  );
});

t.test("1.1.0 loses nothing on the way there and back", async () => {
  fc.assert(fc.property(anyResult, (one) => same(thereAndBack(one, "1.1.0"), one)));
});

t.test("earlier versions lose what they do not know and nothing else", async () => {
  fc.assert(
    fc.property(anyResult, fc.constantFrom("0.3.0", "0.3.1", "0.4.0", "1.0.0"), (one, version) => {
      const { interfaces, ips, routes, dns } = one;
      const rest = interfaces.map(({ name, mac, sandbox }) => ({ name, mac, sandbox }));
      const known = { interfaces: rest, ips, routes: routes.map(({ dst, gw }) => ({ dst, gw })), dns };
      return same(thereAndBack(one, version as CniVersion), known);
    }),
  );
});

t.test("0.1.0 and 0.2.0 keep an address of each family with its routes", async () => {
  fc.assert(
    fc.property(anyResult, fc.constantFrom("0.1.0", "0.2.0"), (one, version) => {
      const ofFamily = (family: number) => one.ips.filter((ip) => ip.address.address.family === family).slice(0, 1);
      const ips = [...ofFamily(4), ...ofFamily(6)];
      fc.pre(ips.length > 0);
      const routes = ips.flatMap(({ address: { address } }) =>
        one.routes.filter(({ dst }) => dst.address.family === address.family).map(({ dst, gw }) => ({ dst, gw })),
      );
      const known = {
        interfaces: [],
        ips: ips.map(({ address, gateway }) => ({ address, gateway })),
        routes,
        dns: one.dns,
      };
      return same(thereAndBack({ ...one, ips }, version as CniVersion), known);
    }),
  );
});

t.test("the result of one version becomes the same result of another as straight from the source", async () => {
  const modern = fc.constantFrom(...cniVersions.filter((version) => isAtLeast(version, "0.3.0")));
  fc.assert(
    fc.property(anyResult, modern, modern, (one, a, b) => {
      const [earlier, later] = isAtLeast(a, b) ? [b, a] : [a, b];
      return lines(resultToJson(thereAndBack(one, later), earlier)) === lines(resultToJson(one, earlier));
    }),
  );
});

t.test("a result without a version is of the configuration's, one with a version of its own", async (t) => {
  const old = { ip4: { ip: "10.0.0.5/24" } };
  t.equal(resultFromJson(old, "0.2.0", "/prevResult").ips.length, 1);
  t.equal(resultFromJson({ ...old, cniVersion: "0.2.0" }, "1.0.0", "/prevResult").ips.length, 1);
  t.equal(resultFromJson({ ...old, cniVersion: "" }, "0.1.0", "/prevResult").ips.length, 1);
});

t.test("null is an empty list, as Go writes it", async (t) => {
  const found = resultFromJson({ interfaces: null, ips: null, routes: null, dns: null }, "1.0.0", "/prevResult");
  t.strictSame(found, { interfaces: [], ips: [], routes: [], dns: emptyDns });
});

t.test("an index is passed over where there are no interfaces", async (t) => {
  const found = resultFromJson({ ips: [{ address: "10.0.0.5/24", interface: 0 }] }, "1.0.0", "/prevResult");
  t.equal(found.ips[0]?.interface, undefined);
});

t.test("attributes of routes are read from earlier versions, too", async (t) => {
  const found = resultFromJson({ routes: [{ dst: "10.0.0.0/8", mtu: 1400 }] }, "1.0.0", "/prevResult");
  t.equal(found.routes[0]?.mtu, 1400);
});

t.test("a malformed result names the place", async (t) => {
  for (const [value, details] of [
    ["text", ""],
    [{ cniVersion: "3.0.0" }, "/cniVersion"],
    [{ interfaces: {} }, "/interfaces"],
    [{ interfaces: [{ name: 5 }] }, "/interfaces/0/name"],
    [{ interfaces: [{ name: "a", mtu: -1 }] }, "/interfaces/0/mtu"],
    [{ ips: [{}] }, "/ips/0/address"],
    [{ ips: [{ address: "10.0.0.5" }] }, "/ips/0/address"],
    [{ ips: [{ address: "10.0.0.5/24", gateway: "10.0.0.1/24" }] }, "/ips/0/gateway"],
    [{ interfaces: [{ name: "a" }], ips: [{ address: "10.0.0.5/24", interface: 1 }] }, "/ips/0/interface"],
    [{ interfaces: [{ name: "a" }], ips: [{ address: "10.0.0.5/24", interface: 1.5 }] }, "/ips/0/interface"],
    [{ routes: [{ dst: "default" }] }, "/routes/0/dst"],
    [{ routes: [{ dst: "0.0.0.0/0", table: "main" }] }, "/routes/0/table"],
    // Numbers that the kernel would cut: 4294967396 is 100 there.
    ...["mtu", "advmss", "priority", "table"].map(
      (key) => [{ routes: [{ dst: "0.0.0.0/0", [key]: 4294967396 }] }, `/routes/0/${key}`] as const,
    ),
    [{ routes: [{ dst: "0.0.0.0/0", scope: 256 }] }, "/routes/0/scope"],
    [{ dns: [] }, "/dns"],
    [{ dns: { search: "a" } }, "/dns/search"],
    [{ cniVersion: "0.2.0", ip4: { ip: "::1/64" } }, "/ip4/ip"],
    [{ cniVersion: "0.2.0", ip6: {} }, "/ip6/ip"],
    [{ cniVersion: "0.1.0", ip6: [] }, "/ip6"],
    [{ cniVersion: "0.1.0", ip4: { ip: "10.0.0.5/24", routes: [{}] } }, "/ip4/routes/0/dst"],
  ] as const) {
    const error = refusal(() => resultFromJson(value, "1.1.0", "/prevResult"));
    t.strictSame([error.code, error.details], [7, `/prevResult${details}`], error.message);
  }
});

const emptyDns = { nameservers: [], domain: undefined, search: [], options: [] };

/** Through text, as another process would see it. */
function thereAndBack(one: Result, version: CniVersion): Result {
  return resultFromJson(JSON.parse(formatResult(one, version)), version, "");
}

/** Absent, undefined and empty are the same. */
function same(a: Result, b: Result): boolean {
  return plain(a) === plain(b);
}

function plain(one: Result): string {
  const order = (value: unknown): unknown => {
    if (typeof value === "bigint") return `${value}`;
    if (Array.isArray(value)) return value.map(order);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(
      ([, item]) => item !== undefined && !(Array.isArray(item) && item.length === 0),
    );
    return Object.fromEntries(entries.sort(([x], [y]) => (x < y ? -1 : 1)).map(([key, item]) => [key, order(item)]));
  };
  return JSON.stringify(order(one));
}
