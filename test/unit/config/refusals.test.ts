// Each way in which a configuration can be wrong: one error that says what, with its code and the place.
import t from "tap";
import { parseNetworkConfig } from "../../../src/config/parse.ts";
import { refusal } from "../cni/lib/refusal.ts";
import { context, refuse } from "./lib/parsing.ts";

type Refusal = readonly [configuration: object, code: number, details: string, message: string | RegExp];

const subnets = (...list: object[]): object => ({ ipam: { subnets: list } });

const etcd = { endpoints: ["https://e:2379"] };
const clusterOf = (cluster: object): object => ({ ipam: { subnets: [{ subnet: "10.0.0.0/24" }], cluster } });

const refusals: readonly Refusal[] = [
  // The network itself.
  [{ name: undefined }, 7, "/name", "name is missing"],
  [{ name: "" }, 7, "/name", "name is missing"],
  [{ name: "../etc" }, 7, "/name", 'name "../etc" must begin with a letter or digit'],
  [{ name: "-a" }, 7, "/name", "must begin with"],
  [{ name: "a b" }, 7, "/name", "must begin with"],
  [{ name: 5 }, 7, "/name", "name 5 must be a string"],
  [{ name: "n".repeat(256) }, 7, "/name", "name has 256 bytes, and the folder of its addresses can have 255"],
  [{ cniVersion: "9.0.0" }, 1, "/cniVersion", "9.0.0"],
  [{ cniVersion: 1 }, 7, "/cniVersion", "must be a string"],
  [{ plugins: [{ type: "ipvlan", master: "eth0" }] }, 7, "/plugins", "plugins makes this a configuration list"],
  [{ Plugins: [] }, 7, "/Plugins", "jq '.plugins[0] + {name, cniVersion}'"],
  // Paths.
  [{ ipam: { dataDir: "/a\0b" } }, 7, "/ipam/dataDir", 'ipam.dataDir "/a\\u0000b" has a NUL character in it'],
  [{ ipam: { type: "host-local", subnet: "10.0.0.0/24", dataDir: "\0" } }, 7, "/ipam/dataDir", "NUL"],
  [{ ipam: { type: "host-local", subnet: "10.0.0.0/24", resolvConf: "/a\0" } }, 7, "/ipam/resolvConf", "NUL"],
  // Wrong types.
  [{ master: 5 }, 7, "/master", "master must be a string or an object, not 5"],
  [{ mtu: "1500" }, 7, "/mtu", 'mtu must be a whole number, not "1500"'],
  [{ mtu: 1500.5 }, 7, "/mtu", "mtu must be a whole number"],
  [{ internal: "yes" }, 7, "/internal", 'internal must be true or false, not "yes"'],
  [{ linkInContainer: 1 }, 7, "/linkInContainer", "must be true or false"],
  [{ ipam: [] }, 7, "/ipam", "ipam must be an object, not []"],
  [{ ipam: { type: 5 } }, 7, "/ipam/type", "ipam.type must be a string"],
  [{ ipam: { subnets: "10.0.0.0/24" } }, 7, "/ipam/subnets", "ipam.subnets must be a list"],
  [subnets({ subnet: 5 }), 7, "/ipam/subnets/0/subnet", "ipam.subnets[0].subnet must be a string, not 5"],
  [subnets({ subnet: "10.0.0.0/24", auxAddresses: [5] }), 7, "/ipam/subnets/0/auxAddresses/0", "must be a string"],
  [subnets({ subnet: "10.0.0.0/24", auxAddresses: { a: 5 } }), 7, "/ipam/subnets/0/auxAddresses/a", "must be a string"],
  [{ dns: { nameservers: "10.0.0.1" } }, 7, "/dns/nameservers", "dns.nameservers must be a list"],
  [{ prevResult: "text" }, 7, "/prevResult", "prevResult must be an object"],
  [{ prevResult: { ips: [{ address: "x" }] } }, 7, "/prevResult/ips/0/address", 'prevResult.ips[0].address "x"'],
  [{ runtimeConfig: { ips: "10.0.0.5" } }, 7, "/runtimeConfig/ips", "must be a list"],
  [{ args: { cni: { ips: [5] } } }, 7, "/args/cni/ips/0", "args.cni.ips[0] must be a string"],
  [{ capabilities: { ips: "yes" } }, 7, "/capabilities/ips", "must be true or false"],
  // Unknown keys in objects of our own: code 2, with key and value (SPEC.md, "Error").
  [
    { ipam: { subnett: [] } },
    2,
    "/ipam/subnett",
    'ipam has an unknown key "subnett" (value []); did you mean "subnets"?',
  ],
  [{ ipam: { subnet: "10.0.0.0/24" } }, 2, "/ipam/subnet", 'did you mean "subnets"?'],
  [{ ipam: { colour: 1 } }, 2, "/ipam/colour", "known are type, subnets, ipv4, routes, sticky, cluster, dataDir"],
  [subnets({ subnet: "10.0.0.0/24", gatway: "10.0.0.1" }), 2, "/ipam/subnets/0/gatway", 'did you mean "gateway"?'],
  [{ master: { defaultrouet: "ipv4" } }, 2, "/master/defaultrouet", 'did you mean "defaultRoute"?'],
  [{ ipam: { routes: [{ dst: "10.0.0.0/8", metric: 5 }] } }, 2, "/ipam/routes/0/metric", '"metric" (value 5)'],
  [{ ipam: { routes: [{ dst: "10.0.0.0/8", gateway: "a" }] } }, 2, "/ipam/routes/0/gateway", "known are dst, gw"],
  // Reach: what the kernel's ipvlan cannot do, with its reason.
  [{ hostAccess: "yes" }, 7, "/hostAccess", "must be true or false"],
  [
    { hostAccess: true, flag: "private" },
    7,
    "/hostAccess",
    "the kernel drops every packet from one ipvlan of a parent",
  ],
  [{ hostAccess: true, flag: "vepa" }, 7, "/hostAccess", "the kernel sends every packet out on the wire"],
  [{ serviceCIDRs: ["10.96.0.0/12"], flag: "private" }, 7, "/serviceCIDRs", "use flag bridge"],
  [{ hostAccess: true, linkInContainer: true }, 7, "/hostAccess", "where the parent is in the container"],
  [{ hostAccess: false, announce: true, mode: "l3s" }, 7, "/hostAccess", "is false, and announce needs it"],
  [{ hostAccess: false, serviceCIDRs: ["10.96.0.0/12"] }, 7, "/hostAccess", "is false, and serviceCIDRs needs it"],
  [{ hostAccess: false, hostAddresses: ["169.254.20.10"] }, 7, "/hostAccess", "and hostAddresses needs it"],
  [{ serviceCIDRs: ["10.96.0.0"] }, 7, "/serviceCIDRs/0", '"10.96.0.0" is no ADDRESS/LENGTH'],
  [{ hostAddresses: ["10.0.0.1/24"] }, 7, "/hostAddresses/0", '"10.0.0.1/24"'],
  [{ announce: true }, 7, "/announce", "in mode l2 containers answer ARP and ND themselves"],
  [
    { announce: true, mode: "l3", ipam: { subnets: [{ subnet: "10.0.0.0/24" }] } },
    7,
    "/announce",
    "cannot work for IPv4 in mode l3",
  ],
  [{ conflictDetection: { timeoutMs: "1" } }, 7, "/conflictDetection/timeoutMs", "must be a whole number"],
  // A cluster's pool.
  [
    { ipam: { cluster: { etcd: { endpoints: ["http://e:2379"] } } } },
    7,
    "/ipam/cluster",
    "needs the cluster's subnets",
  ],
  [clusterOf({}), 7, "/ipam/cluster", "names no store: etcd or kubernetes"],
  [clusterOf({ etcd, kubernetes: {} }), 7, "/ipam/cluster/kubernetes", "a second store beside etcd"],
  [clusterOf({ kubernetes: { kubeconfig: "config" } }), 7, "/ipam/cluster/kubernetes/kubeconfig", "no absolute path"],
  [clusterOf({ etcd: { endpoints: ["e:2379"] } }), 7, "/ipam/cluster/etcd/endpoints/0", "is no client URL such as"],
  [clusterOf({ etcd: { ...etcd, keyFile: "/k" } }), 7, "/ipam/cluster/etcd/keyFile", "is of no use without certFile"],
  [clusterOf({ etcd: { ...etcd, caFile: "/\0" } }), 7, "/ipam/cluster/etcd/caFile", "has a NUL character"],
  [clusterOf({ etcd, node: "-a" }), 7, "/ipam/cluster/node", "must be of letters, digits"],
  // Mode, flag, VLAN, MTU.
  [{ mode: "l4" }, 7, "/mode", 'mode "l4" is unknown: it must be one of l2, l3, l3s'],
  [{ mode: "L3" }, 7, "/mode", 'did you mean "l3"?'],
  [{ ipvlan_mode: "bridge" }, 7, "/ipvlan_mode", "l2, l3, l3s"],
  [{ flag: "privat" }, 7, "/flag", 'bridge, private, vepa; did you mean "private"?'],
  [{ mode: 2 }, 7, "/mode", "mode 2 is unknown"],
  [{ mode: "l2", ipvlan_mode: "l3" }, 7, "/ipvlan_mode", '"l3" and mode "l2" are two different values'],
  [{ flag: "vepa", ipvlan_flag: "bridge" }, 7, "/ipvlan_flag", "two different values"],
  [{ master: "eth0", vlan: 0 }, 7, "/vlan", "vlan must be at least 1, not 0"],
  [{ master: "eth0", vlan: 4095 }, 7, "/vlan", "vlan must be at most 4094, not 4095"],
  [{ master: "eth0", vlan: "10" }, 7, "/vlan", "must be a whole number"],
  [{ mtu: -1 }, 7, "/mtu", "mtu must be at least 0, not -1"],
  [{ mtu: 67 }, 7, "/mtu", "at least 68, not 67"],
  [{ mtu: 70000 }, 7, "/mtu", "at most 65535"],
  [{ mtu: 1279, ...subnets({ subnet: "2001:db8::/64" }) }, 7, "/mtu", "at least 1280 for IPv6"],
  [
    { mtu: 1279, ipam: { type: "host-local", ranges: [[{ subnet: "10.0.0.0/24" }], [{ subnet: "fd00::/64" }]] } },
    7,
    "/mtu",
    "1280",
  ],
  [
    { mtu: 1279, ipam: { type: "static", addresses: [{ address: "10.0.0.5/24" }, { address: "fd00::5/64" }] } },
    7,
    "/mtu",
    "1280",
  ],
  // Ranges of the runtime.
  [
    { ...subnets({ subnet: "10.0.0.0/16" }), runtimeConfig: { ipRanges: [[{ subnet: "10.0.1.0/24" }]] } },
    7,
    "/runtimeConfig/ipRanges",
    "10.0.1.0/24 overlaps 10.0.0.0/16: leave one out",
  ],
  [
    { runtimeConfig: { ipRanges: [[{ subnet: "10.0.0.0/24" }], [{ subnet: "10.0.0.0/16", rangeStart: "10.0.9.1" }]] } },
    7,
    "/runtimeConfig/ipRanges",
    "10.0.0.0/24 overlaps 10.0.0.0/16",
  ],
  [
    { runtimeConfig: { ipRanges: [[{ subnet: "10.0.0.0/24", rangeEnd: "10.0.0.9" }], [{ subnet: "10.0.0.0/24" }]] } },
    7,
    "/runtimeConfig/ipRanges",
    "two ranges of 10.0.0.0/24 and 10.0.0.0/24 overlap",
  ],
  [
    { runtimeConfig: { ipRanges: [[{ subnet: "10.0.0.1/24" }]] } },
    7,
    "/runtimeConfig/ipRanges/0/0/subnet",
    "host bits",
  ],
  // Subnets.
  [subnets({}), 7, "/ipam/subnets/0", 'ipam.subnets[0] lacks the key "subnet"'],
  [subnets({ subnet: "10.0.0.0" }), 7, "/ipam/subnets/0/subnet", "a length is wanted, as in 10.0.0.0/24"],
  [subnets({ subnet: "10.0.0.0/33" }), 7, "/ipam/subnets/0/subnet", '"10.0.0.0/33" is no ADDRESS/LENGTH'],
  [subnets({ subnet: "" }), 7, "/ipam/subnets/0/subnet", "is no ADDRESS/LENGTH"],
  [subnets({ subnet: "10.0.0.5/24" }), 7, "/ipam/subnets/0/subnet", "host bits set: the network is 10.0.0.0/24"],
  [
    subnets({ subnet: "10.0.0.0/24", gateway: "10.0.1.1" }),
    7,
    "/ipam/subnets/0/gateway",
    "10.0.1.1 is outside of 10.0.0.0/24",
  ],
  [subnets({ subnet: "10.0.0.0/24", gateway: "::1" }), 7, "/ipam/subnets/0/gateway", "is outside of"],
  [subnets({ subnet: "10.0.0.0/24", gateway: "10.0.0.1/24" }), 7, "/ipam/subnets/0/gateway", "without a length"],
  [subnets({ subnet: "10.0.0.0/24", gateway: "10.0.0.0" }), 7, "/ipam/subnets/0/gateway", "is the network address"],
  [subnets({ subnet: "10.0.0.0/24", gateway: "10.0.0.255" }), 7, "/ipam/subnets/0/gateway", "is the broadcast address"],
  [
    { master: "eth0", ...subnets({ subnet: "10.0.0.5/32", gateway: "10.0.0.5" }) },
    7,
    "/ipam/subnets/0/gateway",
    "leaves no address",
  ],
  [
    subnets({ subnet: "10.0.0.0/24", gateway: true }),
    7,
    "/ipam/subnets/0/gateway",
    "true is unknown: it must be one of false",
  ],
  [
    subnets({ subnet: "10.0.0.0/24", gateway: 1 }),
    7,
    "/ipam/subnets/0/gateway",
    "must be a string or true or false, not 1",
  ],
  [subnets({ subnet: "10.0.0.0/24", gateway: "fe80::1" }), 7, "/ipam/subnets/0/gateway", "is outside of"],
  [
    subnets({ subnet: "10.0.0.0/24", ipRange: "10.0.1.0/25" }),
    7,
    "/ipam/subnets/0/ipRange",
    "is no part of 10.0.0.0/24",
  ],
  [subnets({ subnet: "10.0.0.0/24", ipRange: "10.0.0.0/23" }), 7, "/ipam/subnets/0/ipRange", "is no part of"],
  [subnets({ subnet: "10.0.0.0/24", ipRange: "10.0.0.130/25" }), 7, "/ipam/subnets/0/ipRange", "is 10.0.0.128/25"],
  [subnets({ subnet: "10.0.0.0/24", ipRange: "10.0.0.0/32" }), 7, "/ipam/subnets/0/ipRange", "holds no address"],
  [
    subnets({ subnet: "10.0.0.0/24", auxAddresses: { router: "10.0.1.9" } }),
    7,
    "/ipam/subnets/0/auxAddresses/router",
    "10.0.1.9 is outside of 10.0.0.0/24",
  ],
  [subnets({ subnet: "10.0.0.0/24", auxAddresses: ["x"] }), 7, "/ipam/subnets/0/auxAddresses/0", "is no IP address"],
  [
    { master: "eth0", ...subnets({ subnet: "10.0.0.0/31", auxAddresses: ["10.0.0.1"] }) },
    7,
    "/ipam/subnets/0",
    "has no address left",
  ],
  [
    subnets({ subnet: "10.0.0.0/24" }, { subnet: "10.0.0.0/24" }),
    7,
    "/ipam/subnets/1/subnet",
    "10.0.0.0/24 is listed twice",
  ],
  [
    subnets({ subnet: "10.0.0.0/24" }, { subnet: "::/64" }, { subnet: "10.0.0.128/25" }),
    7,
    "/ipam/subnets/2/subnet",
    "10.0.0.128/25 overlaps 10.0.0.0/24",
  ],
  [{ ipam: { ipv4: false } }, 7, "/ipam/ipv4", "a container would get no address"],
  [
    { ipam: { ipv4: false, subnets: [{ subnet: "10.0.0.0/24" }] } },
    7,
    "/ipam/ipv4",
    "is false, and there is an IPv4 subnet",
  ],
  [{ ipam: { dataDir: "state" } }, 7, "/ipam/dataDir", "must be an absolute path"],
  // Routes.
  [{ ipam: { routes: [{}] } }, 7, "/ipam/routes/0", 'lacks the key "dst"'],
  [{ ipam: { routes: [{ dst: "default" }] } }, 7, "/ipam/routes/0/dst", '"default" is no ADDRESS/LENGTH'],
  [{ ipam: { routes: [{ dst: "::/0", gw: "10.0.0.1" }] } }, 7, "/ipam/routes/0/gw", "must be an IPv6 address"],
  [{ ipam: { routes: [{ dst: "10.0.0.0/8", scope: 256 }] } }, 7, "/ipam/routes/0/scope", "at most 255"],
  [{ ipam: { routes: [{ dst: "10.0.0.0/8", table: "main" }] } }, 7, "/ipam/routes/0/table", "must be a whole number"],
  // Other programs.
  [{ ipam: { type: "../sh" } }, 7, "/ipam/type", "must be the name of a program, not a path"],
  [{ ipam: { type: ".." } }, 7, "/ipam/type", "not a path"],
];

for (const [configuration, code, details, message] of refusals) {
  t.test(`refused: ${JSON.stringify(configuration)}`, async (t) => {
    const error = refuse(configuration);
    t.strictSame([error.code, error.details], [code, details], error.message);
    t.match(error.message, message);
    t.notMatch(error.message, "\n", "one line");
  });
}

t.test("text that is no JSON says where", async (t) => {
  const error = refusal(() => parseNetworkConfig('{"name": "n",\n "mtu": }', context));
  t.equal(error.code, 6);
  t.match(error.message, 'line 2, column 9: a value expected, "}" found');
});

t.test("the version is complained of before anything else but the name", async (t) => {
  t.equal(refuse({ cniVersion: "9.0.0", mode: "l9", mtu: "x" }).code, 1);
});
