import { type CniVersion, isAtLeast } from "../../../src/cni/versions.ts";

/** A later plugin of a chain. */
interface Chained {
  readonly type: string;
  readonly [key: string]: unknown;
}

/**
 * Configurations that the reference plugin supports, or refuses, or that mean something else here: what both plugins make of
 * each is compared by side-by-side.test.ts.
 *
 * The host of each plugin has these links: eth0 (l2), eth1 (l3), eth2 (l3s), each with a neighbour (192.168.0.2, .1.2, .2.2 in the namespace
 * HOST-net), since mode and flag belong to the parent; eth0.40, made by hand; br0, a bridge without ports; down0, which is down; busy0 with an ipvlan in mode l3 on it. eth0 has the default route.
 */
export interface Configuration {
  /** What is particular about it; the test's name. */
  readonly name: string;
  /** Without cniVersion, name and type. */
  readonly config: object | ((version: CniVersion) => object);
  /**
   * Default: the newest and one of the earlier ones. "every" where the result differs by more than its form, "newest" for
   * errors.
   */
  readonly versions?: "every" | "newest";
  /** With CHECK, DEL, the interface's settings, and what is left. Errors are without CHECK. */
  readonly closely?: boolean;
  /** Also for the executable that starts slowly. */
  readonly short?: boolean;
  /** CNI_ARGS */
  readonly args?: string;
  /** Default "eth0". */
  readonly ifname?: string;
  /** Lines for `ip -batch` in the container's namespace, before ADD. */
  readonly container?: string;
  /** Settings under /proc/sys/net of the container's namespace, before ADD. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** The reference's plugins that come after ours in the chain: their ADD, CHECK and DEL are compared as well. */
  readonly chain?: readonly Chained[];
  /** A script that the host runs before ADD, with `inside NAMESPACE COMMAND...`; $net is the namespace of its neighbours, $container that of the container. */
  readonly before?: string;
  /** The same, before CHECK: what it prints is compared. */
  readonly traffic?: string;
  /** The same, behind DEL. */
  readonly behind?: string;
}

const v4 = { subnet: "10.1.2.0/24" };
const v6 = { subnet: "2001:db8:1::/64" };
const toAll = { dst: "0.0.0.0/0" };
const toAllV6 = { dst: "::/0" };
const elsewhere = "198.18.0.0/16";

const l2 = (ipam: object, more: object = {}) => ({ master: "eth0", ipam: { type: "host-local", ...ipam }, ...more });
const l3 = (ipam: object) => l2(ipam, { master: "eth1", mode: "l3" });
const l3s = (ipam: object) => l2(ipam, { master: "eth2", mode: "l3s" });
const fixed = (addresses: object[], ipam: object = {}, more: object = {}) =>
  l2({ type: "static", addresses, ...ipam }, more);
const delegated = (answer: object) => l2({ type: "my-ipam", answer });

/** The result of a plugin that came before, in the words of the version. */
function previous(version: CniVersion, interfaces: object[] = [{ name: "eth0" }]): object {
  const dns = { nameservers: ["10.1.2.53"] };
  const [address, gateway] = ["10.1.2.77/24", "10.1.2.1"];
  if (!isAtLeast(version, "0.3.0")) return { cniVersion: version, ip4: { ip: address, gateway, routes: [toAll] }, dns };
  const family = isAtLeast(version, "1.0.0") ? {} : { version: "4" };
  const ips = [{ ...family, address, gateway, interface: 0 }];
  return { cniVersion: version, interfaces, ips, routes: [toAll], dns };
}

/** What an IPAM plugin of another name answers, in the words of the version. */
function answer(version: CniVersion): object {
  const [address, gateway, routes] = ["10.1.2.99/24", "10.1.2.1", [{ dst: elsewhere }]];
  if (!isAtLeast(version, "0.3.0")) return { cniVersion: version, ip4: { ip: address, gateway, routes } };
  return { cniVersion: version, ips: [{ version: "4", address, gateway }], routes };
}

const dummyInContainer = `link add d0 address 02:00:00:00:00:20 type dummy
link set d0 up
addr add 192.0.2.1/24 dev d0
route add default via 192.0.2.2`;

/**
 * A chain in l3 or l3s, on a parent with that mode, with what is seen of packets in both directions.
 * @param route more of the default route
 * @param ping options of the container's ping
 * @param more of what is tried
 */
function chained(mode: "l3" | "l3s", chain: readonly Chained[], { route = {}, ping = "", more = "" }): Configuration {
  const make = mode === "l3" ? l3 : l3s;
  const wire = mode === "l3" ? "192.168.1" : "192.168.2";
  return {
    name: `${mode}, chained: ${chain.map(({ type }) => type).join(", ")}`,
    config: make({ ...v4, routes: [{ ...toAll, ...route }] }),
    versions: "newest",
    closely: true,
    chain,
    traffic: `inside $net ip route replace 10.1.2.0/24 via ${wire}.1
      inside $container ping -nqc1 -w5 ${ping} ${wire}.2 > /dev/null 2>&1 && echo out || echo not out
      inside $net ping -nqc1 -w5 10.1.2.2 > /dev/null && echo in || echo not in
      ${more.replaceAll("WIRE", wire)}`,
  };
}

const tuning = { type: "tuning", mtu: 1400, sysctl: { "net.ipv4.conf.eth0.proxy_arp": "1" } };
const sbr = { type: "sbr" };
const vrf = { type: "vrf", vrfname: "blue" };
const bySource = { ping: "-I 10.1.2.2" };
// A route of scope link is lost behind vrf.
const inVrf = { ping: "-I blue", route: { scope: 0 } };
const portmap = {
  type: "portmap",
  runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
};
const byPort = `inside $container busybox nc -ll -p 80 -e echo hello > /dev/null 2>&1 &
      until inside $container grep -qs ':0050 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done
      inside $net timeout 5 busybox nc -w 5 WIRE.1 8080 < /dev/null 2> /dev/null || echo not mapped`;

const chains: readonly Configuration[] = [
  chained("l3", [tuning, sbr], bySource),
  chained("l3", [vrf], inVrf),
  chained("l3s", [tuning, sbr, { type: "firewall", backend: "iptables" }, portmap, { type: "bandwidth" }], {
    ...bySource,
    more: byPort,
  }),
  chained("l3s", [vrf], inVrf),
];

/** A server that has one address to give, and answers by broadcast, and the plugin's daemon. */
const dhcp: Configuration = {
  name: "dhcp",
  config: l2({ type: "dhcp" }),
  versions: "newest",
  closely: true,
  before: `ip -n $net addr add 10.1.2.1/24 dev eth0
    mkdir -p /run/cni; mount -t tmpfs tmpfs /run/cni
    inside $net dnsmasq --no-daemon --user=root --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces --dhcp-broadcast \\
      --dhcp-range=10.1.2.50,10.1.2.50,2m --dhcp-leasefile=$PWD/leases > $PWD/dnsmasq.log 2>&1 &
    $later/dhcp daemon -broadcast > $PWD/daemon.log 2>&1 &
    until [ -e /run/cni/dhcp.sock ] && grep -q started $PWD/dnsmasq.log; do sleep 0.1; done`,
  traffic: `cut -d' ' -f3,5 leases
    inside $container ping -nqc1 -w5 10.1.2.1 > /dev/null && echo out || echo not out`,
  behind: `sleep 0.3; grep -o 'DHCPRELEASE.eth0. [0-9.]*' dnsmasq.log; cut -d' ' -f3 leases`,
};

export const configurations: readonly Configuration[] = [
  // Addresses from host-local.
  { name: "l2, one IPv4 subnet", config: l2(v4) },
  { name: "l2, default route by the subnet's gateway", config: l2({ ...v4, routes: [toAll] }) },
  { name: "l2, a gateway of its own", config: l2({ ...v4, gateway: "10.1.2.254", routes: [toAll] }) },
  { name: "l2, a route by another gateway", config: l2({ ...v4, routes: [{ dst: elsewhere, gw: "10.1.2.9" }] }) },
  { name: "l2, rangeStart and rangeEnd", config: l2({ ...v4, rangeStart: "10.1.2.20", rangeEnd: "10.1.2.30" }) },
  {
    name: "l2, a range from the network's own address to the broadcast address",
    config: l2({ subnet: "10.1.2.0/29", rangeStart: "10.1.2.0", rangeEnd: "10.1.2.7" }),
  },
  {
    name: "l2, a range of the broadcast address alone",
    config: l2({ subnet: "10.1.2.0/29", rangeStart: "10.1.2.7", rangeEnd: "10.1.2.7" }),
    versions: "newest",
    closely: true,
  },
  {
    name: "l2, a gateway outside of the subnet",
    config: l2({ ...v4, gateway: "198.51.100.1", routes: [toAll] }),
    versions: "newest",
    closely: true,
  },
  {
    name: "l2, a gateway outside of the subnet, with a device route to it",
    config: l2({ ...v4, gateway: "198.51.100.1", routes: [{ dst: "198.51.100.1/32", gw: "0.0.0.0" }, toAll] }),
    versions: "newest",
    closely: true,
  },
  {
    name: "l2, a link-local gateway of the subnet",
    config: l2({ ranges: [[{ ...v6, gateway: "fe80::1" }]], routes: [toAllV6] }),
    versions: "newest",
    closely: true,
  },
  { name: "l2, a set of two ranges", config: l2({ ranges: [[v4, { subnet: "10.1.3.0/24" }]] }) },
  { name: "l2, two IPv4 sets", config: l2({ ranges: [[v4], [{ subnet: "10.1.3.0/24" }]] }) },
  {
    name: "l2, IPv4 and IPv6",
    config: l2({ ranges: [[v4], [v6]], routes: [toAll, toAllV6] }),
    versions: "every",
    closely: true,
    short: true,
  },
  { name: "l2, IPv6 alone", config: l2({ ranges: [[v6]], routes: [toAllV6] }) },
  {
    name: "l2, IPv6 by a link-local gateway",
    config: l2({ ranges: [[v6]], routes: [{ dst: "::/0", gw: "fe80::1" }] }),
  },
  { name: "dataDir", config: l2({ ...v4, dataDir: "/var/lib/cni/networks/other" }) },
  { name: "resolvConf", config: l2({ ...v4, resolvConf: "/tmp/lab/resolv.conf" }) },
  { name: "CNI_ARGS asks for an address", config: l2(v4), args: "IgnoreUnknown=1;K8S_POD_NAME=web;IP=10.1.2.44" },
  { name: "CNI_ARGS holds what nobody knows", config: l2(v4), args: "COLOUR=blue", versions: "newest", closely: true },
  { name: "runtimeConfig asks for an address", config: l2(v4, { runtimeConfig: { ips: ["10.1.2.45/24"] } }) },
  { name: "args.cni asks for an address", config: l2(v4, { args: { cni: { ips: ["10.1.2.46"] } } }) },
  { name: "runtimeConfig brings a range", config: l2({}, { runtimeConfig: { ipRanges: [[v4]] } }) },
  {
    name: "the address asked for is in no range",
    config: l2(v4, { runtimeConfig: { ips: ["10.1.9.45"] } }),
    versions: "newest",
    closely: true,
  },
  { name: "a subnet with host bits", config: l2({ subnet: "10.1.2.7/24" }), versions: "newest", closely: true },
  { name: "a subnet that is none", config: l2({ subnet: "10.1.2" }), versions: "newest", closely: true },
  // Modes.
  { name: "mode is empty", config: l2(v4, { mode: "" }) },
  { name: "l3 without routes", config: l3(v4), closely: true },
  { name: "l3, an empty list of routes", config: l3({ ...v4, routes: [] }), closely: true },
  { name: "l3, default route by the subnet's gateway", config: l3({ ...v4, routes: [toAll] }) },
  { name: "l3, a route by another gateway", config: l3({ ...v4, routes: [{ dst: elsewhere, gw: "10.1.2.9" }] }) },
  { name: "l3, IPv4 and IPv6", config: l3({ ranges: [[v4], [v6]], routes: [toAll, toAllV6] }) },
  { name: "l3s, IPv4 and IPv6 without routes", config: l3s({ ranges: [[v4], [v6]] }), closely: true, short: true },
  { name: "mode is unknown", config: l2(v4, { mode: "l4" }), versions: "newest", closely: true },
  // Parents.
  { name: "master is a VLAN that was made by hand", config: l2(v4, { master: "eth0.40" }) },
  { name: "master is a bridge", config: l2(v4, { master: "br0" }) },
  { name: "master is down", config: l2(v4, { master: "down0" }), versions: "newest", closely: true },
  {
    name: "master has an ipvlan of another mode",
    config: l2(v4, { master: "busy0" }),
    versions: "newest",
    closely: true,
  },
  { name: "master does not exist", config: l2(v4, { master: "none0" }), versions: "newest", closely: true },
  {
    name: "no master",
    config: l2({ ...v4, routes: [toAll] }, { master: undefined }),
    versions: "newest",
    closely: true,
  },
  {
    name: "linkInContainer",
    config: l2({ ...v4, routes: [{ dst: elsewhere }] }, { master: "d0", linkInContainer: true }),
    container: dummyInContainer,
    closely: true,
    short: true,
  },
  {
    name: "linkInContainer without master",
    config: l2(v4, { master: undefined, linkInContainer: true }),
    container: dummyInContainer,
    closely: true,
  },
  { name: "mtu", config: l2(v4, { mtu: 1400 }) },
  { name: "mtu is 0", config: l2(v4, { mtu: 0 }) },
  { name: "mtu is larger than the parent's", config: l2(v4, { mtu: 9000 }), versions: "newest", closely: true },
  // The interface.
  { name: "another interface name", config: l2(v4), ifname: "net-1.x" },
  {
    name: "the interface's name is taken",
    config: l2(v4),
    container: "link add eth0 address 02:00:00:00:00:21 type dummy",
    versions: "newest",
    closely: true,
    short: true,
  },
  {
    name: "IPv6 is off in the container",
    config: l2({ ranges: [[v4], [v6]] }),
    sysctls: { "ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1" },
  },
  {
    name: "the interface's name is a pattern of the kernel's",
    config: l2(v4),
    ifname: "net%d",
    versions: "newest",
    closely: true,
  },
  {
    name: "the interface's name is kept by the kernel",
    config: l2(v4),
    ifname: "all",
    versions: "newest",
    closely: true,
  },
  // DNS.
  {
    name: "dns",
    config: l2(v4, { dns: { nameservers: ["10.1.2.53"], domain: "a.test", search: ["b.test"], options: ["ndots:2"] } }),
    versions: "every",
  },
  {
    name: "dns is empty, and the IPAM has one",
    config: l2({ ...v4, resolvConf: "/tmp/lab/resolv.conf" }, { dns: {} }),
  },
  // Fixed addresses.
  { name: "static, without a gateway", config: fixed([{ address: "10.1.2.7/24" }], { routes: [{ dst: elsewhere }] }) },
  {
    name: "static, with a gateway and dns",
    config: fixed([{ address: "10.1.2.7/24", gateway: "10.1.2.1" }], {
      routes: [toAll],
      dns: { nameservers: ["10.1.2.53"] },
    }),
  },
  { name: "static, two IPv4 addresses", config: fixed([{ address: "10.1.2.7/24" }, { address: "10.1.3.7/24" }]) },
  {
    name: "static, IPv4 and IPv6",
    config: fixed(
      [
        { address: "10.1.2.7/24", gateway: "10.1.2.1" },
        { address: "2001:db8:1::7/64", gateway: "2001:db8:1::1" },
      ],
      { routes: [toAll, toAllV6] },
    ),
  },
  { name: "static, IPv6 without a gateway", config: fixed([{ address: "2001:db8:1::7/64" }]), closely: true },
  {
    name: "static, single addresses",
    config: fixed([{ address: "10.1.2.7/32" }, { address: "2001:db8:1::7/128" }]),
    closely: true,
  },
  {
    name: "static, a subnet of two",
    config: fixed([{ address: "10.1.2.6/31" }], { routes: [{ dst: "0.0.0.0/0", gw: "10.1.2.7" }] }),
  },
  { name: "static, CNI_ARGS", config: fixed([]), args: "IP=10.1.2.8/24;GATEWAY=10.1.2.1" },
  {
    name: "static, runtimeConfig",
    config: fixed([{ address: "10.1.2.7/24" }], {}, { runtimeConfig: { ips: ["10.1.2.9/24"] } }),
  },
  {
    name: "static, a gateway outside of the subnet, with a device route to it",
    config: fixed([{ address: "10.1.2.7/24", gateway: "198.51.100.1" }], {
      routes: [{ dst: "198.51.100.1/32", gw: "0.0.0.0" }, toAll],
    }),
    versions: "newest",
    closely: true,
  },
  {
    name: "static, a gateway outside of the subnet",
    config: fixed([{ address: "10.1.2.7/24", gateway: "198.51.100.1" }], { routes: [toAll] }),
    versions: "newest",
    closely: true,
  },
  // Routes.
  {
    name: "routes with priority, table, scope, mtu and advmss",
    config: fixed([{ address: "10.1.2.7/24", gateway: "10.1.2.1" }], {
      routes: [
        { dst: "198.18.0.0/16", priority: 50 },
        { dst: "198.19.0.0/16", table: 100 },
        { dst: "198.20.0.0/16", table: 1000, priority: 7 },
        { dst: "10.1.2.128/25", gw: "0.0.0.0", scope: 253 },
        { dst: "198.21.0.0/16", mtu: 1300, advmss: 1260 },
      ],
    }),
    versions: "every",
    closely: true,
    short: true,
  },
  {
    name: "a route that the kernel has already",
    config: fixed([{ address: "10.1.2.7/24" }], { routes: [{ dst: "10.1.2.0/24" }] }),
  },
  {
    name: "a default route that another network brought",
    config: l2({ ...v4, routes: [toAll] }),
    container: dummyInContainer,
    closely: true,
  },
  {
    name: "two routes to one destination",
    config: l2({
      ...v4,
      routes: [
        { dst: elsewhere, gw: "10.1.2.8" },
        { dst: elsewhere, gw: "10.1.2.9" },
      ],
    }),
  },
  {
    name: "a route with host bits",
    config: l2({ ...v4, routes: [{ dst: "198.18.1.0/16" }] }),
    versions: "newest",
    closely: true,
  },
  {
    name: "a route by a gateway that is nowhere",
    config: l2({ ...v4, routes: [{ dst: elsewhere, gw: "172.16.0.1" }] }),
    versions: "newest",
    closely: true,
  },
  // Chains.
  {
    name: "chained, without master and ipam",
    config: (version) => ({ prevResult: previous(version) }),
    versions: "every",
    closely: true,
    short: true,
  },
  { name: "chained, with an ipam", config: (version) => ({ ...l2(v4), prevResult: previous(version) }), closely: true },
  {
    name: "chained, with several interfaces and a master",
    config: (version) => ({
      master: "eth0",
      prevResult: previous(version, [{ name: "eth0" }, { name: "x0" }, { name: "y0", sandbox: "/run/netns/z" }]),
    }),
  },
  ...chains,
  dhcp,
  // IPAM plugins of other names.
  {
    name: "an IPAM of another name",
    config: (version) => delegated(answer(version)),
    closely: true,
  },
  {
    name: "an IPAM that fails",
    config: delegated({ cniVersion: "1.0.0", code: 110, msg: "no lease", details: "the server is away" }),
    versions: "newest",
    closely: true,
  },
  { name: "an IPAM that is nowhere", config: l2({ type: "no-ipam" }), versions: "newest", closely: true },
  // JSON as Go reads it.
  {
    name: "keys in another case, and unknown ones",
    config: l2(v4, { master: undefined, Master: "eth0", MTU: 1300, colour: "blue" }),
  },
  {
    name: "keys in another case on every level",
    config: {
      Master: "eth0",
      IPAM: {
        Type: "host-local",
        Ranges: [[{ Subnet: v4.subnet, RangeStart: "10.1.2.20", rangeend: "10.1.2.30", GATEWAY: "10.1.2.254" }]],
        Routes: [{ Dst: elsewhere, GW: "10.1.2.9" }, { DST: "198.20.0.0/16" }],
        DataDir: "/var/lib/cni/networks/other",
        ResolvConf: "/tmp/lab/resolv.conf",
      },
      RuntimeConfig: { IPs: ["10.1.2.25"] },
      Args: { CNI: {} },
    },
    closely: true,
  },
  {
    name: "chained, with static and keys in another case",
    config: (version) => ({
      master: "eth0",
      ipam: {
        type: "static",
        Addresses: [{ ADDRESS: "10.1.2.7/24", Gateway: "10.1.2.1" }],
        ROUTES: [{ Dst: elsewhere }],
      },
      PrevResult: { Interfaces: [{ Name: "x0" }], CNIVersion: version, IPs: null, routes: null },
    }),
    versions: "newest",
  },
  {
    name: "null on every level",
    config: l2(
      {
        ranges: [[{ ...v4, rangeStart: null, rangeEnd: null, gateway: null }]],
        routes: [{ dst: elsewhere, gw: null, mtu: null, table: null }],
        dataDir: null,
        resolvConf: null,
      },
      {
        dns: { nameservers: null, domain: null, search: null, options: null },
        runtimeConfig: { ips: null, ipRanges: null },
        args: { cni: null },
        linkInContainer: null,
      },
    ),
  },
  { name: "a misspelt vlan", config: l2(v4, { vlanId: 10 }), versions: "newest", closely: true },
  { name: "null", config: l2(v4, { mode: null, mtu: null, dns: null, runtimeConfig: null, args: null }) },
];

/** The IPAM plugin `my-ipam`: answers what the configuration says. */
export const myIpam = `#!/bin/sh
[ $CNI_COMMAND = ADD ] || exit 0
config=$(cat)
answer=\${config##*'"answer":'}
echo "\${answer%\\}\\}}"
case $answer in *'"code":'*) exit 1 ;; esac
`;
