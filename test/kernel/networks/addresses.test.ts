// Which address and which routes a container gets.
import t from "tap";
import type { Call } from "../lib/lab.ts";
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

t.test("a network with the subnet of another on the same parent gives no address twice", async (t) => {
  const ipam = { subnets: [{ subnet: "10.1.0.0/24" }, { subnet: "2001:db8:1::/64" }] };
  const [one, other] = [network("one", ipam), network("other", ipam)];
  const [, second] = await lab.calls([...calls("ADD", one, "c1"), ...calls("ADD", other, "c2")]);
  t.match(second?.json, {
    code: 103,
    msg: /10\.1\.0\.2\/24 could not be added .* an ipvlan on the same parent has it/,
  });
  await lab.calls(calls("DEL", one, "c1"));
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
