import t from "tap";
import { parse, readable } from "./lib/parsing.ts";

t.test("the shortest configuration is an isolated L2 network of the default pool", async (t) => {
  t.strictSame(readable(parse({})), {
    cniVersion: "1.1.0",
    name: "n",
    parent: { kind: "dummy", name: "di-n" },
    mode: "l2",
    flag: "bridge",
    mtu: 0,
    linkInContainer: false,
    isolated: true,
    internal: false,
    ipam: {
      type: "builtin",
      subnets: [],
      defaultPool: true,
      hasGateways: false,
      routes: [],
      dataDir: "/var/lib/cni/networks",
      sticky: false,
    },
    impliedRoutes: true,
    requested: [],
  });
});

t.test("every key in its own words", async (t) => {
  const config = parse({
    cniVersion: "1.0.0",
    master: "eth0",
    mode: "l3s",
    flag: "private",
    mtu: 1400,
    linkInContainer: true,
    dns: { nameservers: ["10.0.0.1"], search: ["example.org"] },
    ipam: {
      subnets: [{ subnet: "10.0.0.0/24" }],
      routes: [{ dst: "10.1.0.0/16", gw: "10.0.0.9", mtu: 1300, advmss: 1260, priority: 5, table: 100, scope: 0 }],
      dataDir: "/run/state",
      sticky: false,
    },
    capabilities: { ips: true },
    args: { cni: { ips: ["10.0.0.7"] }, other: 1 },
    runtimeConfig: { dns: { servers: [] } },
    "cni.dev/valid-attachments": [],
  });
  t.strictSame(readable(config), {
    cniVersion: "1.0.0",
    name: "n",
    parent: { kind: "named", name: "eth0" },
    mode: "l3s",
    flag: "private",
    mtu: 1400,
    linkInContainer: true,
    isolated: false,
    internal: false,
    ipam: {
      type: "builtin",
      subnets: [{ subnet: "10.0.0.0/24", spare: "10.0.0.1", first: "10.0.0.1", last: "10.0.0.254", excluded: [] }],
      defaultPool: false,
      hasGateways: false,
      routes: [{ dst: "10.1.0.0/16", gw: "10.0.0.9", mtu: 1300, advmss: 1260, priority: 5, table: 100, scope: 0 }],
      dataDir: "/run/state",
      sticky: false,
    },
    dns: { nameservers: ["10.0.0.1"], search: ["example.org"], options: [] },
    impliedRoutes: true,
    requested: [{ address: "10.0.0.7" }],
  });
});

t.test("Docker's names mean the same", async (t) => {
  const dockers = parse({ parent: "eth0.10", ipvlan_mode: "l3", ipvlan_flag: "vepa" });
  t.strictSame(dockers, parse({ master: "eth0.10", mode: "l3", flag: "vepa" }));
  t.strictSame(dockers, parse({ master: "eth0.10", parent: "eth0.10", mode: "l3", ipvlan_mode: "l3", flag: "vepa" }));
});

t.test("every mode and flag", async (t) => {
  for (const mode of ["l2", "l3", "l3s"]) t.equal(parse({ mode }).mode, mode);
  for (const flag of ["bridge", "private", "vepa"]) t.equal(parse({ flag }).flag, flag);
});

t.test("null and empty text are as good as absent, as in the reference plugin", async (t) => {
  for (const nothing of [null, ""]) {
    t.strictSame(parse({ parent: nothing, mode: nothing, mtu: nothing, ipam: nothing, dns: nothing }), parse({}));
    t.strictSame(
      parse({ ipam: { type: nothing, dataDir: nothing, subnets: [{ subnet: "10.0.0.0/24" }] } }),
      parse({ ipam: { subnets: [{ subnet: "10.0.0.0/24" }] } }),
    );
  }
  t.equal(parse({ cniVersion: "" }).cniVersion, "0.1.0");
  t.equal(parse({ cniVersion: undefined }).cniVersion, "0.1.0");
  t.equal(parse({ dns: {} }).dns, undefined);
  t.strictSame(parse({ runtimeConfig: { ips: null }, args: { cni: { ips: null } } }).requested, []);
});

t.test("a small MTU is for IPv4 alone", async (t) => {
  for (const ipam of [
    { subnets: [{ subnet: "10.0.0.0/24" }] },
    { type: "host-local", ranges: [[{ subnet: "10.0.0.0/24" }]] },
    { type: "static", addresses: [{ address: "10.0.0.5/24" }] },
    { type: "dhcp" },
  ]) {
    for (const mtu of [68, 1279]) t.equal(parse({ mtu, ipam }).mtu, mtu);
  }
  t.equal(parse({ mtu: 1280, ipam: { subnets: [{ subnet: "2001:db8::/64" }] } }).mtu, 1280);
});

t.test("a configuration is frozen", async (t) => {
  t.throws(() => Object.assign(parse({}), { mtu: 1 }), TypeError);
});

t.test("what would be the gateway is kept where there is none, to be given last", async (t) => {
  const ipam = { subnets: [{ subnet: "10.0.0.0/24", gateway: "10.0.0.9" }, { subnet: "2001:db8::/64" }] };
  for (const keys of [{ master: "eth0", mode: "l3" }, { master: "eth0", mode: "l3s" }, { internal: true }, {}]) {
    const [four, six] = (readable(parse({ ...keys, ipam }).ipam) as { subnets: object[] }).subnets;
    t.match([four, six], [{ spare: "10.0.0.9" }, { spare: "2001:db8::1" }], JSON.stringify(keys));
    t.notOk("gateway" in (four as object));
  }
  t.match(readable(parse({ master: "eth0", ipam }).ipam), {
    subnets: [{ gateway: "10.0.0.9" }, { gateway: "2001:db8::1" }],
  });
  t.match(parse({ master: "eth0", ipam: { subnets: [{ subnet: "10.0.0.0/24", gateway: false }] } }).ipam, {
    subnets: [{ gateway: undefined, spare: undefined }],
  });
});

t.test("any other type is a program", async (t) => {
  t.strictSame(parse({ ipam: { type: "dhcp", anything: [{ at: "all" }] } }).ipam, { type: "delegate", plugin: "dhcp" });
});

t.test("a program's arguments are its own business", async (t) => {
  const { ipam, requested } = parse({ ipam: { type: "dhcp" }, runtimeConfig: { ips: ["any"] } }, { args: "FOO=1;;" });
  t.strictSame([ipam.type, requested], ["delegate", []]);
});
