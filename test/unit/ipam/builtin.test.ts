import t from "tap";
import { errorOf, gateways, type Json, network, temporaryFolder } from "./lib/network.ts";

t.test("one address of each family, from the subnets that the seed document's examples have", async (t) => {
  const subnets = [
    { subnet: "192.168.140.0/24", gateway: "192.168.140.1" },
    { subnet: "192.168.142.0/24", gateway: "192.168.142.1" },
    { subnet: "2001:db8:abc9::/64", gateway: "2001:db8:abc9::22" },
  ];
  const net = network(temporaryFolder(t), "ipvlan140", { subnets });
  t.strictSame(net.add("a"), ["192.168.140.2/24", "2001:db8:abc9::1/64"]);
  t.strictSame(net.add("b", { ips: ["192.168.140.10"] }), ["192.168.140.10/24", "2001:db8:abc9::2/64"]);
  t.strictSame(net.add("c", { ips: ["2001:db8:abc9::51", "192.168.142.30"] }), [
    "192.168.142.30/24",
    "2001:db8:abc9::51/64",
  ]);
  t.strictSame(gateways(net.ipam("d")), ["192.168.140.1", "2001:db8:abc9::22"]);
});

t.test("the first usable address is the gateway where none is named", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: [{ subnet: "10.0.0.0/24" }, { subnet: "2001:db8::/64" }] });
  t.strictSame(gateways(net.ipam("a")), ["10.0.0.1", "2001:db8::1"]);
  t.strictSame(net.add("b"), ["10.0.0.3/24", "2001:db8::3/64"]);
});

t.test("an address that was freed can be asked for again at once", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: [{ subnet: "2001:db8:abc6::/64" }], ipv4: false });
  for (let i = 0; i < 3; i++) {
    t.strictSame(net.add(`c${i}`, { ips: ["2001:db8:abc6::10"] }), ["2001:db8:abc6::10/64"]);
    net.del(`c${i}`);
  }
  t.strictSame(net.add("d"), ["2001:db8:abc6::11/64"], "and is not given at once unasked");
});

t.test("the next subnet is used when one is full", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: [{ subnet: "10.0.0.0/30" }, { subnet: "10.0.1.0/30" }] });
  t.strictSame(net.add("a"), ["10.0.0.2/30"]);
  t.strictSame(net.add("b"), ["10.0.1.2/30"]);
  t.match(
    errorOf(() => net.add("c")),
    {
      code: 11,
      message:
        /no free address in 10\.0\.0\.1-10\.0\.0\.2, 10\.0\.1\.1-10\.0\.1\.2: all 2 are held, longest 10\.0\.[01]\.2 by [ab] eth0 since 20/,
    },
  );
  net.del("a");
  t.strictSame(net.add("c"), ["10.0.0.2/30"]);
});

t.test("point-to-point subnets and single addresses", async (t) => {
  const cases: [string, (string | undefined)[], string[]][] = [
    ["10.0.0.0/31", ["10.0.0.0"], ["10.0.0.1/31"]],
    ["10.0.0.7/32", [undefined], ["10.0.0.7/32"]],
    ["2001:db8::2/127", ["2001:db8::2"], ["2001:db8::3/127"]],
    ["2001:db8::7/128", [undefined], ["2001:db8::7/128"]],
  ];
  const folder = temporaryFolder(t);
  for (const [index, [subnet, gateway, given]] of cases.entries()) {
    const net = network(folder, `n${index}`, { subnets: [{ subnet }], ipv4: !subnet.includes(":") });
    t.strictSame(net.add("a"), given, subnet);
    t.equal(errorOf(() => net.add("b")).code, 11, subnet);
    net.del("a");
    t.strictSame(gateways(net.ipam("c")), gateway, subnet);
  }
});

t.test("ipRange bounds what is given unasked, auxAddresses are never given", async (t) => {
  const subnets = [
    { subnet: "10.0.0.0/24", ipRange: "10.0.0.128/29", auxAddresses: { router: "10.0.0.129", nas: "10.0.0.200" } },
  ];
  const net = network(temporaryFolder(t), "n", { subnets });
  t.strictSame(net.add("a"), ["10.0.0.128/24"]);
  t.strictSame(net.add("b"), ["10.0.0.130/24"]);
  t.strictSame(net.add("c", { ips: ["10.0.0.5"] }), ["10.0.0.5/24"], "asked for outside the range: as Docker");
  for (const [ip, why] of [
    ["10.0.0.200", /auxAddresses of 10\.0\.0\.0\/24/],
    ["10.0.0.1", /is the gateway of/],
    ["10.0.0.0", /10\.0\.0\.0\/24's own/],
    ["10.0.0.255", /10\.0\.0\.0\/24's own/],
    ["10.0.1.5", /in none of the network's subnets: 10\.0\.0\.0\/24/],
    ["2001:db8::1", /in none of the network's subnets/],
  ] as const) {
    t.match(
      errorOf(() => net.add("d", { ips: [ip] })),
      { code: 7, message: why },
      ip,
    );
  }
  t.match(
    errorOf(() => net.add("d", { ips: ["10.0.0.5"] })),
    { code: 103, message: /10\.0\.0\.5 is held by c eth0/ },
  );
});

t.test("the runtime's ranges come before the configured subnets, with their gateways and bounds", async (t) => {
  const folder = temporaryFolder(t);
  const ranges = (...ipRanges: Json[][]) => ({ runtimeConfig: { ipRanges } });
  const part = { subnet: "10.1.0.0/24", rangeStart: "10.1.0.64", rangeEnd: "10.1.0.66" };
  const config = ranges([{ ...part, gateway: "10.1.0.65" }], [{ subnet: "2001:db8:1::/64" }]);
  const net = network(folder, "n", { subnets: [{ subnet: "192.168.1.0/24" }] });
  t.strictSame(net.add("a", { config: { ...config } }), ["10.1.0.64/24", "2001:db8:1::2/64"]);
  t.strictSame(net.add("b", { config }), ["10.1.0.66/24", "2001:db8:1::3/64"]);
  t.strictSame(net.add("c", { config }), ["192.168.1.2/24", "2001:db8:1::4/64"], "the configured ones come behind");
  t.strictSame(net.add("d", { config, ips: ["10.1.0.9"] }), ["10.1.0.9/24", "2001:db8:1::5/64"], "asked for");
  net.del("a", { config });
  t.strictSame(net.add("e", { config }), ["10.1.0.64/24", "2001:db8:1::6/64"]);

  const alone = network(folder, "alone", {});
  t.strictSame(alone.add("a", { config: ranges([part]) }), ["10.1.0.64/24"], "no default pool beside them");
  const second = { subnet: "10.1.0.0/24", rangeStart: "10.1.0.1", rangeEnd: "10.1.0.5", gateway: "10.1.0.66" };
  const both = ranges([part], [second]);
  const two = network(folder, "two", {});
  t.strictSame(
    ["a", "b", "c"].flatMap((id) => two.add(id, { config: both })),
    ["10.1.0.64/24", "10.1.0.65/24", "10.1.0.2/24"],
    "two parts of a subnet leave out each other's gateways",
  );
});

t.test("an interface gets its addresses once", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: [{ subnet: "10.0.0.0/24" }] });
  net.add("a");
  t.match(
    errorOf(() => net.add("a", { ips: ["10.0.0.9"] })),
    { code: 103, message: /^10\.0\.0\.2 is already allocated to a eth0/ },
  );
  t.strictSame(net.held(), { "10.0.0.2": "a eth0" });
});

t.test("an address of one family is given back when there is none of the other", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: [{ subnet: "10.0.0.0/24" }, { subnet: "2001:db8::2/127" }] });
  net.add("a");
  t.equal(errorOf(() => net.add("b")).code, 11);
  t.strictSame(net.held(), { "10.0.0.2": "a eth0", "2001:db8::3": "a eth0" });
});

t.test("CHECK knows addresses outside ipRange as its own, and STATUS does not mind a full pool", async (t) => {
  const subnets = [{ subnet: "10.0.0.0/24", ipRange: "10.0.0.128/30" }, { subnet: "2001:db8::2/127" }];
  const net = network(temporaryFolder(t), "n", { subnets });
  net.add("a", { ips: ["10.0.0.5"] });
  const result = (value: bigint) => ({
    interfaces: [],
    ips: [{ address: { address: { family: 4 as const, value }, length: 24 } }],
    routes: [],
    dns: {},
  });
  t.doesNotThrow(() => net.ipam("a").check(result(0x0a000005n)));
  t.equal(errorOf(() => net.ipam("a").check(result(0x0a000006n))).code, 107);
  t.equal(errorOf(() => net.add("b")).code, 11);
  t.doesNotThrow(() => net.ipam("").status());
});

t.test("where there is no gateway, none is withheld: what would be one is given last", async (t) => {
  const folder = temporaryFolder(t);
  const subnets = [{ subnet: "192.168.135.0/31" }, { subnet: "2001:db8::2/127" }];
  for (const [name, keys] of Object.entries({
    l3: { master: "eth0", mode: "l3" },
    l3s: { master: "eth0", mode: "l3s" },
    internal: { internal: true },
    parentless: { master: undefined },
  })) {
    const net = network(folder, name, { subnets }, keys);
    t.strictSame(net.add("a"), ["192.168.135.1/31", "2001:db8::3/127"], name);
    t.strictSame(gateways(net.ipam("b")), [undefined, undefined], name);
    t.strictSame(Object.keys(net.held()), ["192.168.135.0", "192.168.135.1", "2001:db8::2", "2001:db8::3"], name);
    const larger = network(
      folder,
      `${name}-larger`,
      { subnets: [{ subnet: "10.6.0.0/29", gateway: "10.6.0.4" }] },
      keys,
    );
    t.strictSame(larger.add("a", { ips: ["10.6.0.4"] }), ["10.6.0.4/29"], "asked for");
    larger.del("a");
    const given = ["b", "c", "d", "e", "f", "g"].map((id) => larger.add(id)[0]);
    t.equal(given.at(-1), "10.6.0.4/29");
    t.match(
      errorOf(() => larger.add("h")),
      { code: 11, message: /all 6 are held/ },
    );
  }
  const net = network(
    folder,
    "excluded",
    { subnets: [{ subnet: "10.7.0.0/30", auxAddresses: ["10.7.0.1"] }] },
    { internal: true },
  );
  net.add("a");
  t.match(
    errorOf(() => net.add("b")),
    { code: 11, message: /all 1 are held/ },
    "an excluded address stays excluded",
  );
});

t.test("without a gateway by the configuration's own word, the first address is a container's", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: [{ subnet: "10.0.0.0/24", gateway: false }] });
  const { addresses } = net.ipam("a").add();
  t.match(addresses, [{ gateway: undefined, address: { address: { value: 0x0a000001n } } }]);
});

t.test("an address of the host's own is given to nobody, asked for or not", async (t) => {
  const net = network(temporaryFolder(t), "n", {
    subnets: [{ subnet: "192.168.50.0/29" }, { subnet: "2001:db8::/64" }],
  });
  const hostAddresses = ["192.168.50.2", "192.168.50.3", "2001:db8::2"];
  t.strictSame(net.add("a", { hostAddresses }), ["192.168.50.4/29", "2001:db8::3/64"]);
  for (const ip of ["192.168.50.3", "2001:db8::2"]) {
    t.match(
      errorOf(() => net.add("b", { hostAddresses, ips: [ip] })),
      { code: 103, message: `requested address ${ip} is the host's own: ask for another one` },
    );
  }
  net.add("b", { hostAddresses });
  net.add("c", { hostAddresses });
  t.match(
    errorOf(() => net.add("d", { hostAddresses })),
    { code: 11, message: /all 3 are held/ },
  );
});

t.test("addresses in use are passed over, and the next ones given", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: [{ subnet: "10.0.0.0/24" }, { subnet: "2001:db8::/64" }] });
  t.strictSame(net.add("a", { avoided: ["10.0.0.2", "2001:db8::2", "2001:db8::3"] }), [
    "10.0.0.3/24",
    "2001:db8::4/64",
  ]);
});
