// The page's "IPvlan L3 mode example" and "Dual stack IPv4 IPv6 IPvlan L3 mode"; and the form for Kubernetes.
import t from "tap";
import { changed, example } from "./lib/examples.ts";
import { openFabric } from "./lib/fabric.ts";

const fabric = await openFabric();
await fabric.sh("capture trunk sw p1; capture c2 c2 any");

/** The page's four containers of ipnet210: two to be pinged, two that ping. */
const ipnet210 = [
  { container: "c1", ips: ["192.168.214.10"] },
  { container: "c2", ips: ["10.1.214.10"] },
  { container: "c3", ips: ["192.168.214.9"] },
  { container: "c4", ips: ["10.1.214.9"] },
];
const betweenTheSubnets = `
  c3 10.1.214.10 yes
  c4 192.168.214.10 yes
  c3 192.168.214.10 yes
  c4 10.1.214.10 yes`;

t.test(
  "ipnet210 on eth0: subnets reach each other, other hosts only by a route, and no broadcast arrives",
  async (t) => {
    const network = example("15-ipnet210-eth0.conflist");
    const [first] = await fabric.attachAtOnce(...ipnet210.map((container) => [network, container] as const));
    t.strictSame(first.ips, [{ address: "192.168.214.10/24", interface: 0 }], "no gateway");
    t.strictSame(first.routes, [{ dst: "0.0.0.0/0" }]);
    const { link, addresses, routes } = await fabric.show("c1");
    t.match(link, /<BROADCAST,MULTICAST,NOARP,UP,LOWER_UP>.* ipvlan +mode l3 bridge/);
    t.strictSame(addresses, ["inet 192.168.214.10/24"]);
    t.strictSame(routes, ["192.168.214.0/24 dev eth0 scope link src 192.168.214.10", "default dev eth0 scope link"]);
    await fabric.packets("trunk");
    await fabric.reach(t, `${betweenTheSubnets}\n c1 192.168.1.250 no\n h2 192.168.214.10 no\n c1 192.168.1.251 no`);
    const inside = (await fabric.packets("trunk")).filter((line) => /192\.168\.214\.\d+ > 10\.1\.214/.test(line));
    t.strictSame(inside, [], "what stays on the host is not on the wire");
    await fabric.sh("ip -n h2 route add 192.168.214.0/24 via 192.168.1.250");
    await fabric.reach(t, "h2 192.168.214.10 yes\n c1 192.168.1.251 yes\n h2 10.1.214.10 no");
    await fabric.sh("ip -n h2 route del 192.168.214.0/24");

    await fabric.packets("c2");
    await fabric.sh(`
    for to in "-b 10.1.214.255" "-b 255.255.255.255" "-I eth0 224.0.0.1"; do
      inside c4 ping -nq -c 1 -W 0.2 $to > /dev/null 2>&1 || true
    done
    inside h1 ping -nqb -c 1 -W 0.2 192.168.1.255 > /dev/null 2>&1 || true
    inside h2 ping -nqb -c 1 -W 0.2 192.168.1.255 > /dev/null 2>&1 || true
    inside c4 ping -nq -c 1 -w 5 10.1.214.10 > /dev/null`);
    const arrived = (await fabric.packets("c2")).filter((line) => line.includes("echo request"));
    t.match(arrived, [/10\.1\.214\.9 > 10\.1\.214\.10/], "a packet to the container alone arrives, and no other");
    t.equal(arrived.length, 1);
    await fabric.detach(network, ...ipnet210);
    await fabric.nothingLeft(t);
  },
);

t.test("ipnet210 as the page has it, without a parent: the subnets reach each other on a dummy link", async (t) => {
  const network = example("16-ipnet210.conflist");
  await fabric.attachAtOnce(...ipnet210.map((container) => [network, container] as const));
  t.match(await fabric.sh("ip -n h1 -o link show type dummy"), " di-ipnet210: ");
  t.strictSame((await fabric.show("c2")).routes, [
    "10.1.214.0/24 dev eth0 scope link src 10.1.214.10",
    "default dev eth0 scope link",
  ]);
  await fabric.sh("ip -n h2 route add 192.168.214.0/24 via 192.168.1.250");
  await fabric.packets("trunk");
  await fabric.reach(t, `${betweenTheSubnets}\n c1 192.168.1.1 no\n c1 192.168.1.251 no`);
  t.strictSame(
    (await fabric.packets("trunk")).filter((line) => /\.214\./.test(line)),
    [],
    "nothing leaves the host",
  );
  await fabric.sh("ip -n h2 route del 192.168.214.0/24");
  await fabric.detach(network, ...ipnet210);
  await fabric.nothingLeft(t);
});

t.test("ipnet110: dual stack with default routes to the device, addresses of either family asked for", async (t) => {
  const network = example("19-ipnet110.conflist");
  const asking = [
    { container: "c2", ips: ["2001:db8:abc6::10"] },
    { container: "c3", ips: ["192.168.112.30"] },
    { container: "c4", ips: ["2001:db8:abc6::50", "192.168.112.50"] },
  ];
  const [first] = await fabric.attach(network, "c1");
  await fabric.attachAtOnce(...asking.map((container) => [network, container] as const));
  t.strictSame(first.routes, [{ dst: "0.0.0.0/0" }, { dst: "::/0" }]);
  const all = [];
  for (const name of ["c1", "c2", "c3", "c4"]) all.push(await fabric.show(name));
  t.match(
    all.map(({ addresses }) => addresses),
    [
      ["inet 192.168.110.2/24", "inet6 2001:db8:abc6::2/64 nodad"],
      ["inet 192.168.110.3/24", "inet6 2001:db8:abc6::10/64 nodad"],
      ["inet 192.168.112.30/24", /^inet6 2001:db8:abc6::\w+\/64 nodad$/],
      ["inet 192.168.112.50/24", "inet6 2001:db8:abc6::50/64 nodad"],
    ],
  );
  t.strictSame(all[3]?.routes, [
    "192.168.112.0/24 dev eth0 scope link src 192.168.112.50",
    "default dev eth0 scope link",
  ]);
  t.strictSame(all[1]?.routes6, ["2001:db8:abc6::/64 dev eth0", "default dev eth0"]);
  t.match(all[1]?.link, "NOARP");
  await fabric.reach(
    t,
    `c1 192.168.112.30 yes
     c4 192.168.110.3 yes
     c1 2001:db8:abc6::10 yes
     c3 2001:db8:abc6::50 yes`,
  );

  // The page tells of a bug in Docker: the address of a container just removed is "already in use".
  const c2 = { container: "c2", ips: ["2001:db8:abc6::10"] };
  await fabric.detach(network, c2);
  const [again] = await fabric.attach(network, c2);
  t.match(again.ips, [{}, { address: "2001:db8:abc6::10/64" }]);
  await fabric.detach(network, "c1", ...asking);
  await fabric.nothingLeft(t);
});

t.test("ipnet118: the same on VLAN 118, whose router has the route", async (t) => {
  const network = example("20-ipnet118.conflist");
  const containers = ["c1", { container: "c2", ips: ["192.168.112.30"] }];
  await fabric.attach(network, ...containers);
  await fabric.reach(t, "c1 192.168.112.30 yes\n c1 192.168.118.1 no");
  // The upstream network knows nothing of the containers: this is what the page leaves to the operators.
  await fabric.sh(`
    ip -n h1 addr add 192.168.118.250/24 dev eth0.118
    ip -n r route add 192.168.112.0/24 via 192.168.118.250`);
  await fabric.packets("trunk");
  await fabric.reach(t, "r 192.168.112.30 yes\n c2 192.168.118.1 yes");
  const packets = (await fabric.packets("trunk")).filter((line) =>
    /192\.168\.112\.30 > 192\.168\.118\.1: ICMP/.test(line),
  );
  t.match(packets[0], / vlan 118, p 0,/);
  await fabric.sh("ip -n r route del 192.168.112.0/24; ip -n h1 addr del 192.168.118.250/24 dev eth0.118");
  await fabric.detach(network, ...containers);
  await fabric.nothingLeft(t);
});

t.test("in L3 a gateway is ignored, and a subnet of the parent's own is warned of", async (t) => {
  const subnets = [
    { subnet: "192.168.1.0/24", gateway: "192.168.1.1" },
    { subnet: "2001:db8:abc6::/64", gateway: "2001:db8:abc6::1" },
  ];
  const network = changed(example("19-ipnet110.conflist"), { ipam: { subnets } });
  const { stderr, json } = await fabric.add(network, "c1");
  t.match(stderr, /warning: subnet 192\.168\.1\.0\/24 holds eth0's own address 192\.168\.1\.250: in mode l3/);
  t.strictSame(json.ips, [
    { address: "192.168.1.2/24", interface: 0 },
    { address: "2001:db8:abc6::2/64", interface: 0 },
  ]);
  const { routes, routes6 } = await fabric.show("c1");
  t.strictSame(routes, ["192.168.1.0/24 dev eth0 scope link src 192.168.1.2", "default dev eth0 scope link"]);
  t.strictSame(routes6, ["2001:db8:abc6::/64 dev eth0", "default dev eth0"]);
  await fabric.detach(network, "c1");
  await fabric.nothingLeft(t);
});

t.test(
  "kubernetes: pods of two nodes reach each other, each node with a range of its own and a route to the other's",
  async (t) => {
    const network = example("30-kubernetes.conflist");
    const onNode2 = JSON.parse(
      JSON.stringify(network).replaceAll("10.244.1.", "10.244.2.").replaceAll("244:1:", "244:2:"),
    );
    await fabric.sh(`
    ip -n h1 addr add 2001:db8:1::250/64 dev eth0 nodad
    ip -n h2 addr add 2001:db8:1::251/64 dev eth0 nodad
    ip -n h1 route add 10.244.2.0/24 via 192.168.1.251
    ip -n h2 route add 10.244.1.0/24 via 192.168.1.250
    ip -n h1 -6 route add fd00:10:244:2::/64 via 2001:db8:1::251
    ip -n h2 -6 route add fd00:10:244:1::/64 via 2001:db8:1::250`);
    const [pod] = await fabric.attach(network, "c1", "c2");
    t.match(pod.ips, [{ address: "10.244.1.2/24" }, { address: "fd00:10:244:1::2/64" }]);
    await fabric.attach(onNode2, "d1");
    const { link, routes6 } = await fabric.show("c1");
    t.match(link, /ipvlan +mode l3s/);
    t.strictSame(routes6, ["default dev eth0", "fd00:10:244:1::/64 dev eth0"]);
    await fabric.reach(
      t,
      `c1 10.244.1.3 yes
     c1 10.244.2.2 yes
     d1 10.244.1.3 yes
     c1 192.168.1.251 yes
     c1 fd00:10:244:2::2 yes`,
    );
    await fabric.detach(network, "c1", "c2");
    await fabric.detach(onNode2, "d1");
    await fabric.nothingLeft(t, "h1", "h2");
  },
);
