// Which address and which routes a container gets.
import t from "tap";
import { type Call, pluginPath } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const lab = await openLab();
await lab.ok("host h1; container peer c1 c2 c3; cable h1 eth0 peer eth0");

const network = (name: string, ipam: object, keys: object = {}) => ({
  cniVersion: "1.1.0",
  name,
  type: "ipvlan",
  master: "eth0",
  ipam,
  ...keys,
});
const calls = (command: "ADD" | "DEL", config: object, ...names: string[]): Call[] =>
  names.map((netns) => ({ command, netns, config }));
const onEth1 = (all: readonly Call[]): Call[] => all.map((call) => ({ ...call, ifname: "eth1" }));
// biome-ignore lint/suspicious/noExplicitAny: results
const addressesOf = (result: any): string[] => result?.ips?.map(({ address }: { address: string }) => address);

t.test("the smallest subnets: /31, /32, /127 and /128", async (t) => {
  const pairs = network("pairs", { subnets: [{ subnet: "10.0.0.0/31" }, { subnet: "2001:db8::/127" }] });
  const single = network("single", { subnets: [{ subnet: "10.0.1.7/32" }, { subnet: "2001:db8:1::7/128" }] });
  const routed = network("routed", single.ipam, { master: "eth0.5", mode: "l3" });
  const answers = await lab.together([
    calls("ADD", pairs, "c1", "c2"),
    onEth1(calls("ADD", single, "c2", "c3")),
    calls("ADD", routed, "c3"),
  ]);
  t.match(answers[0]?.json.ips, [
    { address: "10.0.0.1/31", gateway: "10.0.0.0" },
    { address: "2001:db8::1/127", gateway: "2001:db8::" },
  ]);
  t.match(answers[1]?.json, { code: 11, msg: /no free address in 10\.0\.0\.0-10\.0\.0\.1: all 1 are held/ });
  t.strictSame(answers[2]?.json.ips, [
    { address: "10.0.1.7/32", interface: 0 },
    { address: "2001:db8:1::7/128", interface: 0 },
  ]);
  t.strictSame(answers[2]?.json.routes ?? [], []);
  t.match(answers[3]?.json, { code: 11, msg: /no free address in 10\.0\.1\.7/ });
  const seen = await lab.ok(`
    for name in c1 c3; do ip -n $name -o addr show eth0; ip -n $name route; ip -n $name -6 route; done`);
  t.match(seen, /inet 10\.0\.0\.1\/31 scope global/);
  t.match(seen, /^default via 10\.0\.0\.0 dev eth0/m);
  t.match(seen, /^default via 2001:db8:: dev eth0/m);
  t.match(seen, /inet6 2001:db8:1::7\/128 scope global nodad/);
  t.match(seen, /^default dev eth0 scope link/m);
  t.match(seen, /^default dev eth0 metric/m);
  await lab.together([
    ...calls("DEL", pairs, "c1"),
    ...onEth1(calls("DEL", single, "c2")),
    ...calls("DEL", routed, "c3"),
  ]);
  await nothingLeft(t, lab);
});

t.test("a range, excluded addresses, and the next subnet when the first is full", async (t) => {
  const config = network("ranges", {
    subnets: [
      {
        subnet: "10.1.0.0/24",
        gateway: "10.1.0.129",
        ipRange: "10.1.0.128/30",
        auxAddresses: { printer: "10.1.0.131" },
      },
      { subnet: "10.2.0.0/24", auxAddresses: ["10.2.0.2", "10.2.0.3"] },
    ],
  });
  const answers = await lab.calls(calls("ADD", config, "c1", "c2", "c3"));
  t.strictSame(
    answers.map(({ json }) => addressesOf(json)),
    [["10.1.0.128/24"], ["10.1.0.130/24"], ["10.2.0.4/24"]],
  );
  t.match(answers[2]?.json, { ips: [{ gateway: "10.2.0.1" }], routes: [{ dst: "0.0.0.0/0", gw: "10.2.0.1" }] });
  await lab.together(calls("DEL", config, "c1", "c2", "c3"));
  await nothingLeft(t, lab);
});

t.test("addresses can be asked for in three ways, and again as soon as they are free", async (t) => {
  const ipam = { subnets: [{ subnet: "10.1.0.0/24" }, { subnet: "10.2.0.0/24" }, { subnet: "2001:db8:1::/64" }] };
  const config = network("asked", ipam);
  const [v4, v6] = ["10.2.0.77", "2001:db8:1::77"];
  const requests: Call[] = [
    { netns: "c1", config: { ...config, runtimeConfig: { ips: [`${v4}/24`, v6] } } },
    { netns: "c1", config, args: `IgnoreUnknown=1;K8S_POD_NAME=db;IP=${v4},${v6}` },
    { netns: "c1", config: { ...config, args: { cni: { ips: [v6, v4] } } } },
  ];
  const answers = await lab.calls(requests.flatMap((request) => [request, { ...request, command: "DEL" }]));
  for (const index of [0, 2, 4]) {
    t.strictSame(addressesOf(answers[index]?.json), [`${v4}/24`, `${v6}/64`]);
    t.match(answers[index]?.json.ips[0], { gateway: "10.2.0.1" });
  }
  const [held, taken, outside, gateway] = await lab.calls([
    requests[0] as Call,
    { ...(requests[0] as Call), netns: "c2" },
    { netns: "c2", config, args: "IP=10.3.0.1" },
    { netns: "c2", config, args: "IP=10.1.0.1" },
  ]);
  t.equal(held?.code, 0);
  t.match(taken?.json, { code: 103, msg: /10\.2\.0\.77 is held by c1 eth0/ });
  t.match(outside?.json, { code: 7, msg: /10\.3\.0\.1 is in none of the network's subnets/ });
  t.match(gateway?.json, { code: 7, msg: /10\.1\.0\.1 is the gateway/ });
  await lab.calls(calls("DEL", config, "c1"));
  await nothingLeft(t, lab);
});

t.test(
  "a network with the subnet of another on the same parent gives the next address, unless one was asked for",
  async (t) => {
    const subnets = [{ subnet: "10.1.0.0/24" }, { subnet: "2001:db8:1::/64" }];
    const [one, other] = [network("one", { subnets }), network("other", { subnets })];
    const reference = network("reference", { type: "host-local", ranges: [[{ subnet: "10.1.0.0/24" }]] });
    const fixed = network("fixed", { type: "static", addresses: [{ address: "10.1.0.2/24" }] });
    const answers = await lab.calls([
      ...calls("ADD", one, "c1"),
      ...calls("ADD", other, "c2"),
      ...calls("ADD", reference, "c3"),
      { netns: "c3", ifname: "eth1", id: "asking", config: { ...other, runtimeConfig: { ips: ["10.1.0.2"] } } },
      { netns: "c3", ifname: "eth1", id: "fixed", config: fixed },
    ]);
    t.strictSame(
      answers.slice(0, 3).map(({ json }) => addressesOf(json)),
      [["10.1.0.2/24", "2001:db8:1::2/64"], ["10.1.0.3/24", "2001:db8:1::3/64"], ["10.1.0.4/24"]],
    );
    t.match(answers[1]?.stderr, /passed over.* outside of network other have them: 10\.1\.0\.2, 2001:db8:1::2\n/);
    for (const { json } of answers.slice(3)) {
      t.match(json, { code: 103, msg: /10\.1\.0\.2\/24 could not be added .* an ipvlan on the same parent has it/ });
    }
    const seen = await lab.ok("ip -n c2 -o addr show eth0 scope global; on h1 ls /var/lib/cni/networks/other");
    t.match(seen, /inet 10\.1\.0\.3\/24/);
    t.notMatch(seen, /10\.1\.0\.2\b|2001:db8:1::2\b/, "what was passed over is neither on the link nor reserved");
    await lab.calls([...calls("DEL", one, "c1"), ...calls("DEL", other, "c2"), ...calls("DEL", reference, "c3")]);
    await nothingLeft(t, lab);
  },
);

t.test("an address of the host's own is never given: the parent's, or another link's", async (t) => {
  await lab.ok(`
    ip -n h1 -batch - <<'END'
link add d0 type dummy
link set d0 up
addr add 10.5.0.2/24 dev eth0
addr add 10.5.0.3/32 dev d0
addr add 2001:db8:5::2/64 dev eth0 nodad
END`);
  const host = network("host", { subnets: [{ subnet: "10.5.0.0/24" }, { subnet: "2001:db8:5::/64" }] });
  const routed = network("routed", { subnets: [{ subnet: "10.5.0.0/24" }] }, { master: "eth0.5", mode: "l3" });
  const answers = await lab.calls([
    ...calls("ADD", host, "c1"),
    ...calls("ADD", routed, "c2"),
    { netns: "c3", config: { ...host, runtimeConfig: { ips: ["10.5.0.2"] } } },
    { netns: "c3", config: { ...host, runtimeConfig: { ips: ["2001:db8:5::2"] } } },
  ]);
  t.strictSame(addressesOf(answers[0]?.json), ["10.5.0.4/24", "2001:db8:5::3/64"]);
  t.strictSame(addressesOf(answers[1]?.json), ["10.5.0.4/24"]);
  for (const { json } of answers.slice(2)) t.match(json, { code: 103, msg: /is the host's own: ask for another one/ });
  await lab.calls([...calls("DEL", host, "c1"), ...calls("DEL", routed, "c2")]);
  await nothingLeft(t, lab);
  await lab.ok(`
    ip -n h1 -batch - <<'END'
link del d0
addr del 10.5.0.2/24 dev eth0
addr del 2001:db8:5::2/64 dev eth0
END`);
});

t.test("an address of a VRF's links, which are in a table of its own, is the host's own as well", async (t) => {
  await lab.ok(`ip -n h1 -batch - <<'END'
link add red up type vrf table 10
link add up1 up type dummy
link set up1 master red
addr add 172.30.0.2/24 dev up1
addr add 172.30.0.3/32 dev red
END`);
  for (const mode of ["l2", "l3", "l3s"]) {
    const config = network(`vrf-${mode}`, { subnets: [{ subnet: "172.30.0.0/24" }] }, { master: "up1", mode });
    const [given, ...asked] = await lab.calls([
      { netns: "c1", config },
      ...["172.30.0.2", "172.30.0.3"].map((ip) => ({
        netns: "c2",
        config: { ...config, runtimeConfig: { ips: [ip] } },
      })),
      { command: "DEL", netns: "c1", config },
    ]);
    t.strictSame(addressesOf(given?.json), ["172.30.0.4/24"], mode);
    for (const { json } of asked.slice(0, 2)) {
      t.match(json, { code: 103, msg: /is the host's own: ask for another one/ }, mode);
    }
  }
  await lab.ok("ip -n h1 link del up1; ip -n h1 link del red");
  await nothingLeft(t, lab);
});

t.test("configured routes are added, and win over those that would be", async (t) => {
  const routes = [
    { dst: "0.0.0.0/0", gw: "10.1.0.254" },
    { dst: "10.20.0.0/16" },
    { dst: "10.30.0.0/16", gw: "10.1.0.253", priority: 7, mtu: 1400 },
    { dst: "2001:db8:20::/48", gw: "2001:db8:1::fe" },
  ];
  const subnets = [{ subnet: "10.1.0.0/24" }, { subnet: "2001:db8:1::/64" }];
  const l2 = network("routes", { subnets, routes });
  const l3 = network("routes3", { subnets, routes }, { master: "eth0.5", mode: "l3" });
  const isolated = network("internal", { subnets, routes: [{ dst: "10.20.0.0/16" }] }, { internal: true });
  const answers = await lab.together([
    ...calls("ADD", l2, "c1"),
    ...calls("ADD", l3, "c2"),
    ...calls("ADD", isolated, "c3"),
  ]);
  t.strictSame(answers[0]?.json.routes, [
    { dst: "0.0.0.0/0", gw: "10.1.0.254" },
    { dst: "10.20.0.0/16", gw: "10.1.0.1" },
    { dst: "10.30.0.0/16", gw: "10.1.0.253", mtu: 1400, priority: 7 },
    { dst: "2001:db8:20::/48", gw: "2001:db8:1::fe" },
    { dst: "::/0", gw: "2001:db8:1::1" },
  ]);
  t.strictSame(answers[1]?.json.routes, [
    { dst: "0.0.0.0/0" },
    { dst: "10.20.0.0/16" },
    { dst: "10.30.0.0/16", mtu: 1400, priority: 7 },
    { dst: "2001:db8:20::/48" },
    { dst: "::/0" },
  ]);
  t.strictSame(answers[2]?.json.routes, [{ dst: "10.20.0.0/16" }]);
  const shown = async (name: string) =>
    (await lab.ok(`ip -n ${name} route; ip -n ${name} -6 route | grep -v ^fe80`)).replaceAll(/ +$/gm, "").split("\n");
  t.strictSame(await shown("c1"), [
    "default via 10.1.0.254 dev eth0",
    "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2",
    "10.20.0.0/16 via 10.1.0.1 dev eth0",
    "10.30.0.0/16 via 10.1.0.253 dev eth0 metric 7 mtu 1400",
    "2001:db8:1::/64 dev eth0 proto kernel metric 256 pref medium",
    "2001:db8:20::/48 via 2001:db8:1::fe dev eth0 metric 1024 pref medium",
    "default via 2001:db8:1::1 dev eth0 metric 1024 pref medium",
    "",
  ]);
  t.strictSame(await shown("c2"), [
    "default dev eth0 scope link",
    "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2",
    "10.20.0.0/16 dev eth0 scope link",
    "10.30.0.0/16 dev eth0 scope link metric 7 mtu 1400",
    "2001:db8:1::/64 dev eth0 proto kernel metric 256 pref medium",
    "2001:db8:20::/48 dev eth0 metric 1024 pref medium",
    "default dev eth0 metric 1024 pref medium",
    "",
  ]);
  t.strictSame(await shown("c3"), [
    "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2",
    "10.20.0.0/16 dev eth0 scope link",
    "2001:db8:1::/64 dev eth0 proto kernel metric 256 pref medium",
    "",
  ]);
  await lab.together([...calls("DEL", l2, "c1"), ...calls("DEL", l3, "c2"), ...calls("DEL", isolated, "c3")]);
  await nothingLeft(t, lab);
});

t.test("IPv6 is turned on where the container's namespace has it off", async (t) => {
  const config = network("v6", { subnets: [{ subnet: "2001:db8:1::/64" }], ipv4: false });
  await lab.ok("inside c1 sh -c 'for f in all default; do echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done'");
  const answers = await lab.together(calls("ADD", config, "c1", "c2"));
  t.strictSame(answers.map(({ json }) => addressesOf(json)).sort(), [["2001:db8:1::2/64"], ["2001:db8:1::3/64"]]);
  t.match(
    await lab.ok(
      "inside c2 ping -nq -c 1 -w 5 2001:db8:1::2; inside c2 ping -nq -c 1 -w 5 2001:db8:1::3; ip -n c1 -6 route",
    ),
    "default via 2001:db8:1::1 dev eth0",
  );
  await lab.together(calls("DEL", config, "c1", "c2"));
  await nothingLeft(t, lab);
});

t.test("without a gateway: l3, l3s and isolated networks withhold none, and false says so elsewhere", async (t) => {
  const pairs = { subnets: [{ subnet: "192.168.135.0/31" }] };
  const l3 = network("l3", pairs, { master: "eth0.7", mode: "l3" });
  const isolated = network("isolated", { subnets: [{ subnet: "192.168.136.0/31" }] }, { internal: true });
  const without = network("without", {
    subnets: [
      { subnet: "10.7.0.0/24", gateway: false },
      { subnet: "2001:db8:7::/64", gateway: false },
    ],
  });
  const answers = await lab.together([
    calls("ADD", l3, "c1", "c2"),
    onEth1(calls("ADD", isolated, "c1", "c2")),
    calls("ADD", without, "c3"),
  ]);
  t.strictSame(
    answers.map(({ json }) => addressesOf(json)),
    [
      ["192.168.135.1/31"],
      ["192.168.135.0/31"],
      ["192.168.136.1/31"],
      ["192.168.136.0/31"],
      ["10.7.0.1/24", "2001:db8:7::1/64"],
    ],
  );
  for (const { json } of answers) for (const ip of json.ips) t.notOk("gateway" in ip);
  t.equal(answers[4]?.json.routes, undefined);
  const seen = await lab.ok(`
    inside c1 ping -nq -c 1 -w 5 192.168.135.0; inside c1 ping -nq -c 1 -w 5 192.168.136.0
    ip -n c3 route; ip -n c3 -6 route`);
  t.notMatch(seen, /^default/m);
  await lab.together([
    ...calls("DEL", l3, "c1", "c2"),
    ...onEth1(calls("DEL", isolated, "c1", "c2")),
    ...calls("DEL", without, "c3"),
  ]);
  await nothingLeft(t, lab);
});

t.test(
  "an internal network in l3: its other subnets are reached, and what is outside is unreachable at once",
  async (t) => {
    const subnets = ["10.8.1.0/24", "10.8.2.0/24", "2001:db8:81::/64", "2001:db8:82::/64"].map((subnet) => ({
      subnet,
    }));
    const config = network("internal3", { subnets }, { internal: true, mode: "l3" });
    const second = { ...config, runtimeConfig: { ips: ["10.8.2.9", "2001:db8:82::9"] } };
    const [one] = await lab.calls([...calls("ADD", config, "c1"), ...calls("ADD", second, "c2")]);
    t.strictSame(one?.json.routes, [{ dst: "10.8.2.0/24" }, { dst: "2001:db8:82::/64" }]);
    const seen = await lab.ok(`
    inside c1 ping -nq -c 1 -w 5 10.8.2.9; inside c1 ping -nq -c 1 -w 5 2001:db8:82::9
    for there in 192.0.2.1 2001:db8:99::1; do inside c1 ping -nq -c 1 -w 5 $there 2>&1 || echo "exit $?"; done`);
    t.match(seen, /(1 received[\s\S]*){2}(.*Network is unreachable\nexit 2\n){2}/);
    const check = await lab.call({ command: "CHECK", netns: "c1", config: { ...config, prevResult: one?.json } });
    t.strictSame([check.code, check.stdout], [0, ""]);
    await lab.calls(calls("DEL", config, "c1", "c2"));
    await nothingLeft(t, lab);
  },
);

t.test("IPv6 is off on an interface to which the built-in allocator gives no IPv6 address", async (t) => {
  // Of their own: an earlier test has turned IPv6 off in some.
  await lab.ok("container d1 d2 d3");
  const v4 = network("v4", { subnets: [{ subnet: "10.9.0.0/24" }] });
  const reference = network("v4-reference", { type: "host-local", subnet: "10.10.0.0/24" });
  const both = network("both", { subnets: [{ subnet: "10.11.0.0/24" }, { subnet: "2001:db8:11::/64" }] });
  await lab.together([...calls("ADD", v4, "d1"), ...calls("ADD", reference, "d2"), ...calls("ADD", both, "d3")]);
  await lab.together(onEth1(calls("ADD", both, "d1")));
  t.strictSame(
    (await lab.ok("for c in d1 d2 d3; do inside $c cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6; done")).split("\n"),
    ["1", "0", "0", ""],
    "as Docker; with an IPAM of the reference's, as the reference",
  );
  t.equal(await lab.ok("ip -n d1 -6 addr show eth0"), "");
  t.match(await lab.ok("ip -n d1 -6 addr show eth1"), "2001:db8:11::", "a second network of the container has it");
  await lab.together([
    ...calls("DEL", v4, "d1"),
    ...calls("DEL", reference, "d2"),
    ...calls("DEL", both, "d3"),
    ...onEth1(calls("DEL", both, "d1")),
  ]);
  await nothingLeft(t, lab);
});

t.test("a gateway outside of the subnet is reached by a device route; 0.0.0.0 is no gateway", async (t) => {
  const gateway = "198.51.100.1";
  const ipam = {
    type: "host-local",
    subnet: "203.0.113.0/28",
    gateway,
    routes: [{ dst: "0.0.0.0/0" }, { dst: "10.20.0.0/16", gw: "0.0.0.0" }, { dst: `${gateway}/32`, gw: "0.0.0.0" }],
  };
  const outside = network("outside", ipam);
  const addresses = [
    { address: "203.0.113.100/32", gateway },
    { address: "2001:db8:20::5/128", gateway: "2001:db8:21::1" },
  ];
  const routes = [{ dst: `${gateway}/32` }, { dst: "0.0.0.0/0" }, { dst: "2001:db8:21::/64" }, { dst: "::/0" }];
  const single = network("single-address", { type: "static", addresses, routes });
  const unreached = network("unreached", {
    type: "static",
    addresses: [{ address: "203.0.113.101/32", gateway }],
    routes: [{ dst: "0.0.0.0/0" }],
  });
  const answers = await lab.calls([
    ...calls("ADD", outside, "c1"),
    ...calls("ADD", single, "c2"),
    ...calls("ADD", unreached, "c3"),
    ...calls("ADD", network("refused", { ...ipam, routes: [{ dst: "0.0.0.0/0" }] }), "c3"),
  ]);
  t.strictSame(answers[0]?.json.routes, [
    { dst: "0.0.0.0/0", gw: gateway },
    { dst: "10.20.0.0/16" },
    { dst: `${gateway}/32` },
  ]);
  t.match(answers[2]?.json, { code: 105, msg: /198\.51\.100\.1 .*no route out of the device leads to it/ });
  t.match(answers[3]?.json, { code: 7, msg: /198\.51\.100\.1 is outside of 203\.0\.113\.0\/28: .*"gw":"0\.0\.0\.0"/ });
  const seen = await lab.ok("ip -n c1 route; echo; ip -n c2 route; ip -n c2 -6 route");
  t.match(seen, /^default via 198\.51\.100\.1 dev eth0 onlink *$/m);
  t.match(seen, /^10\.20\.0\.0\/16 dev eth0 scope link *$/m);
  t.match(
    seen,
    /^198\.51\.100\.1 dev eth0 scope link *\n203[\s\S]*\n\ndefault via 198[\s\S]*^198\.51\.100\.1 dev eth0 scope link/m,
  );
  t.match(seen, /^default via 2001:db8:21::1 dev eth0 .*onlink/m);
  await lab.calls([...calls("DEL", outside, "c1"), ...calls("DEL", single, "c2")]);
  await nothingLeft(t, lab);
});

t.test("hundreds of routes, most of which are there already, and thousands", async (t) => {
  const subnets = [{ subnet: "10.12.0.0/24" }];
  const route = (i: number) => ({ dst: `10.${100 + (i >> 8)}.${i & 255}.0/24` });
  const few = Array.from({ length: 400 }, (_, i) => route(i % 7));
  const repeated = network("repeated", { subnets, routes: few });
  // What one send can carry, and more.
  const many = network("many", { subnets, routes: Array.from({ length: 4200 }, (_, i) => route(i)) });
  const wrong = network("wrong", {
    subnets,
    routes: [...few, { dst: "10.200.0.0/24", gw: "172.16.0.1" }, route(8)],
  });
  const answers = await lab.together([
    ...calls("ADD", repeated, "c1"),
    ...calls("ADD", many, "c2"),
    ...calls("ADD", wrong, "c3"),
  ]);
  t.equal(answers[0]?.json.routes.length, 8, "each destination once, and the default route");
  t.equal(answers[1]?.json.routes.length, 4201);
  t.match(answers[2]?.json, { code: 105, msg: /^route 10\.200\.0\.0\/24 via 172\.16\.0\.1 could not be added/ });
  t.equal(await lab.ok("ip -n c2 route | grep -c via; ip -n c3 link show type ipvlan"), "4201\n");
  await lab.together([...calls("DEL", repeated, "c1"), ...calls("DEL", many, "c2")]);
  await nothingLeft(t, lab);
});

t.test("what is passed over, or opens more than was asked for, is told on stderr", async (t) => {
  const reference = {
    type: "host-local",
    ranges: [[{ subnet: "10.13.0.0/29", rangeStart: "10.13.0.7", rangeEnd: "10.13.0.7" }]],
  };
  const l3 = (name: string, ipam: object) =>
    network(name, { type: "host-local", subnet: "10.14.0.0/24", ...ipam }, { master: "eth0.9", mode: "l3" });
  const ranges = { ipRanges: [[{ subnet: "10.15.0.0/24", rangeStart: "10.15.0.40" }]], mac: "02:00:00:00:00:01" };
  const answers = await lab.calls([
    ...calls("ADD", l3("open", {}), "c1"),
    ...calls("DEL", l3("open", {}), "c1"),
    ...calls("ADD", l3("closed", { routes: [] }), "c1"),
    ...calls("ADD", network("pool", {}), "c2"),
    ...calls("ADD", network("ranges", { subnets: [{ subnet: "10.16.0.0/24" }] }, { runtimeConfig: ranges }), "c3"),
    ...onEth1(calls("ADD", network("broadcast", reference), "c3")),
  ]);
  t.match(answers[0], { code: 0, stderr: /mode l3 gives the container a default route out of its interface/ });
  t.match(answers[2], { code: 0, stderr: "" });
  t.equal(answers[2]?.json.routes, undefined);
  t.match(answers[3], {
    code: 0,
    stderr: /no subnet is named: addresses come from a default pool/,
  });
  t.match(answers[4], {
    code: 0,
    stderr: /runtimeConfig\.mac is passed over: an ipvlan has its parent's hardware address/,
  });
  t.strictSame(addressesOf(answers[4]?.json), ["10.15.0.40/24"]);
  t.match(answers[5]?.json, { code: 7, msg: /10\.13\.0\.7 is 10\.13\.0\.0\/29's own, no host's/ });
  await lab.calls([
    ...calls("DEL", l3("closed", {}), "c1"),
    ...calls("DEL", network("pool", {}), "c2"),
    ...calls("DEL", network("ranges", {}), "c3"),
  ]);
  await nothingLeft(t, lab);
});

t.test(
  "what containers left that are provably gone is taken back before a pool is full, and nothing else",
  async (t) => {
    const config = network("small", { subnets: [{ subnet: "10.17.0.0/29" }] }, { master: "eth0.11" });
    const names = ["g1", "g2", "g3", "g4", "g5"];
    await lab.ok(`container ${names.join(" ")} late`);
    const first = await lab.calls(calls("ADD", config, ...names));
    t.equal(first.at(-1)?.code, 0, "the pool is full now");
    // g1 is gone; g2's path is gone, and a process is in it; g3's leads to it under another name; g4's is a new one.
    await lab.ok(`
    ip netns del g1
    nsenter --net=/run/netns/g2 -- sleep 1000 > /dev/null 2>&1 & echo $! > /tmp/lab/sleeper
    until [ "$(readlink /proc/$(cat /tmp/lab/sleeper)/ns/net)" = "$(inside g2 readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    umount /run/netns/g2; rm /run/netns/g2
    : > /run/netns/kept; mount --bind /run/netns/g3 /run/netns/kept; umount /run/netns/g3; rm /run/netns/g3`);
    // Who is not shown whether a process is in g1 takes nothing back.
    await lab.ok(`cat > /tmp/lab/blind <<'END'
#!/bin/sh
exec setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace ${pluginPath}
END
      chmod +x /tmp/lab/blind`);
    t.match(await lab.call({ netns: "late", config, plugin: "/tmp/lab/blind" }), {
      json: { code: 11, msg: /no free address/ },
      stderr: "",
    });
    const [late, more] = await lab.calls([
      ...calls("ADD", config, "late"),
      { ...(calls("ADD", config, "c1")[0] as Call) },
    ]);
    t.match(late, {
      code: 0,
      stderr: /taken back in network small, whose containers are gone without DEL: g1 eth0\n/,
      json: { ips: [{ address: first[0]?.json.ips[0].address }] },
    });
    t.match(more?.json, { code: 11, msg: /no free address/ }, "the others' stay theirs");
    t.notMatch(await lab.ok("on h1 find /run/ipvlan-cni"), /g1:eth0/);
    await lab.ok(
      "kill $(cat /tmp/lab/sleeper); umount /run/netns/kept; rm /run/netns/kept; sleep 0.2; ip netns del g4; ip netns add g4",
    );
    await lab.calls(calls("ADD", config, "c1"));
    const held = await lab.ok("on h1 sh -c 'cd /var/lib/cni/networks/small; for f in 10.*; do head -n 1 $f; done'");
    t.match(held, /c1/);
    t.notMatch(held, /g[234]/, "gone, too, in the end");
    await lab.calls(calls("DEL", config, "late", "g5", "c1"));
    await lab.ok("ip netns del g4; ip netns del g5; ip netns del late");
    await nothingLeft(t, lab);
  },
);

t.test("a reboot without a clock: what is ours and has no record of this boot is given back", async (t) => {
  const config = network("rebooted", { subnets: [{ subnet: "10.18.0.0/29" }] });
  await lab.calls(calls("ADD", config, "c1", "c2"));
  // The interface, its record and the folder's seal go with the power; the reservation stays, and is from the future.
  await lab.ok(`
    ip -n c1 link del eth0
    on h1 sh -c '
      find /run/ipvlan-cni -name "*c1:eth0" -delete
      cd /var/lib/cni/networks
      touch -d "+ 10 years" rebooted/10.18.0.2 rebooted/10.18.0.3
      touch rebooted
      echo of-another-boot > .ipvlan-cni/networks/rebooted/boot'`);
  await lab.add({ netns: "c3", config });
  t.match(await lab.ok("on h1 ls /var/lib/cni/networks/rebooted"), /^10\.18\.0\.3\n10\.18\.0\.4\nlast/);
  await lab.calls(calls("DEL", config, "c2", "c3"));
  await nothingLeft(t, lab);
});

t.test(
  "pipes, folders and links in the place of files: no command waits for them or writes through them",
  async (t) => {
    const config = network("odd", { subnets: [{ subnet: "10.19.0.0/28" }] });
    const gc = {
      command: "GC",
      config: { ...config, "cni.dev/valid-attachments": [{ containerID: "c2", ifname: "eth0" }] },
    } as const;
    for (const [what, make] of Object.entries({ pipe: "mkfifo", folder: "mkdir", link: "ln -s /tmp/lab/outside" })) {
      await lab.calls(calls("ADD", config, "c1", "c2"));
      await lab.ok(`
      echo untouched > /tmp/lab/outside
      on h1 sh -c '
        cd /var/lib/cni/networks/odd
        for file in 10.19.0.9 last_reserved_ip.0 ../.ipvlan-cni/networks/odd/*; do rm -f $file; ${make} $file; done
        ${make} 10.19.0.4'`);
      const [third, collected, gone] = await lab.calls([
        ...calls("ADD", config, "c3"),
        gc,
        ...calls("DEL", config, "c2"),
      ]);
      t.match(addressesOf(third?.json)[0], /^10\.19\.0\.[5-8]\/28$/, `${what}: another address`);
      t.strictSame([collected?.code, gone?.code], [0, 0], `${what}: GC and DEL`);
      t.equal(
        await lab.ok("cat /tmp/lab/outside; on h1 sh -c 'ls /var/lib/cni/networks/odd'"),
        "untouched\n10.19.0.4\n10.19.0.9\nlast_reserved_ip.0\nlock\n",
      );
      await lab.ok("on h1 rm -rf /var/lib/cni/networks/odd /var/lib/cni/networks/.ipvlan-cni");
    }
    await lab.calls(calls("ADD", config, "c1"));
    await lab.ok("on h1 sh -c 'cd /var/lib/cni/networks/odd; rm lock; ln -s /tmp/lab/outside lock'");
    const refused = await lab.calls([...calls("ADD", config, "c2"), ...calls("DEL", config, "c1")]);
    for (const { json } of refused)
      t.match(json, { code: 5, msg: /odd\/lock: ELOOP: a symbolic link is in its way: remove it/ });
    await lab.ok("on h1 rm /var/lib/cni/networks/odd/lock");
    await lab.calls(calls("DEL", config, "c1"));
    await nothingLeft(t, lab);
  },
);
