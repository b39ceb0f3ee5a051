// The page's "IPvlan 802.1Q trunk L2 mode example usage", "Dual stack IPv4 IPv6 IPvlan L2 mode" and "Manually creating 802.1Q
// links"; and the form for Multus, which is of VLAN 20.
import t, { type Test } from "tap";
import { callScript } from "../lib/lab.ts";
import { changed, example } from "./lib/examples.ts";
import { callOf, openFabric } from "./lib/fabric.ts";

const fabric = await openFabric();
await fabric.sh("capture trunk sw p1");

/** Fails unless the trunk carried echo requests between these addresses under this tag alone (0: none). */
function tagged(t: Test, packets: readonly string[], vid: number, fromTo: string): void {
  const requests = packets.filter((line) => line.includes(`${fromTo}: ICMP echo request`));
  const tags = new Set(requests.map((line) => Number(/ vlan (\d+), p 0,/.exec(line)?.[1] ?? 0)));
  t.strictSame([...tags], [vid], `${fromTo} is tagged ${vid}`);
}

t.test("ipvlan20, ipvlan30: tagged, and apart from each other until a router forwards", async (t) => {
  const vlan20 = example("09-ipvlan20.conflist");
  const vlan30 = example("10-ipvlan30.conflist");
  const [test1] = await fabric.attachAtOnce([vlan20, "c1", "c2"], [vlan30, "c3", "c4"]);
  t.match(test1.ips, [{ address: "192.168.20.2/24", gateway: "192.168.20.1" }]);
  const parents = await fabric.sh("ip -n h1 -d -o link show type vlan");
  for (const vid of [20, 30]) {
    const flags = "<BROADCAST,MULTICAST,UP,LOWER_UP>";
    t.match(
      parents,
      new RegExp(` eth0\\.${vid}@eth0: ${flags}.* vlan protocol 802\\.1Q id ${vid} .* alias made by ipvlan-cni`),
    );
  }
  const shown = await fabric.show("c3");
  t.strictSame(shown.addresses, ["inet 192.168.30.2/24"]);
  t.strictSame(shown.routes, [
    "192.168.30.0/24 dev eth0 scope link src 192.168.30.2",
    "default via 192.168.30.1 dev eth0",
  ]);
  await fabric.packets("trunk");
  await fabric.reach(
    t,
    `c1 192.168.20.3 yes
     c3 192.168.30.3 yes
     c1 192.168.20.1 yes
     c3 192.168.30.1 yes
     c1 192.168.30.2 no
     c3 192.168.20.2 no
     c1 192.168.1.250 no
     h1 192.168.20.2 no`,
  );
  const packets = await fabric.packets("trunk");
  tagged(t, packets, 20, "192.168.20.2 > 192.168.20.1");
  tagged(t, packets, 30, "192.168.30.2 > 192.168.30.1");
  tagged(t, packets, 20, "192.168.20.2 > 192.168.30.2");
  await fabric.sh("route on");
  await fabric.reach(t, "c1 192.168.30.2 yes\n c4 192.168.20.3 yes");
  const routed = (await fabric.packets("trunk")).filter((line) =>
    line.includes("192.168.20.2 > 192.168.30.2: ICMP echo req"),
  );
  t.match(routed, [/ vlan 20, /, / vlan 30, /], "out in one VLAN, back in the other");
  await fabric.sh("route off");

  await fabric.detach(vlan20, "c1");
  t.match(await fabric.sh("ip -n h1 -o link show type vlan"), "eth0.20@", "one container is left on eth0.20");
  await fabric.reach(t, "c2 192.168.20.1 yes");
  await fabric.detachAtOnce([vlan20, "c2"], [vlan30, "c3", "c4"]);
  t.equal(await fabric.sh("ip -n h1 -o link show type vlan"), "", "the sub-interfaces are gone");
  t.match(await fabric.sh("ip -n h1 -o link show eth0"), ",UP,", "eth0 is not");
  await fabric.nothingLeft(t);
});

t.test(
  "ipvlan114: two subnets of one network reach each other through the router with its secondary address",
  async (t) => {
    const network = example("11-ipvlan114.conflist");
    const containers = [
      { container: "c1", ips: ["192.168.114.10"] },
      { container: "c2", ips: ["192.168.114.11"] },
      { container: "c3", ips: ["192.168.116.10"] },
    ];
    await fabric.attach(network, ...containers);
    t.strictSame((await fabric.show("c3")).routes, [
      "192.168.116.0/24 dev eth0 scope link src 192.168.116.10",
      "default via 192.168.116.254 dev eth0",
    ]);
    await fabric.sh("route on");
    await fabric.reach(t, "c1 192.168.114.11 yes\n c1 192.168.116.10 no");
    await fabric.sh("ip -n r addr add 192.168.116.254/24 dev eth0.114");
    await fabric.packets("trunk");
    await fabric.reach(t, "c1 192.168.116.10 yes\n c3 192.168.114.11 yes");
    const requests = (await fabric.packets("trunk")).filter((line) =>
      line.includes("114.10 > 192.168.116.10: ICMP echo req"),
    );
    t.match(requests, [/ vlan 114, /, / vlan 114, /], "by way of the router");
    await fabric.sh("route off");
    await fabric.detach(network, ...containers);
    await fabric.nothingLeft(t);
  },
);

t.test("the same two subnets in L3 mode reach each other directly", async (t) => {
  const network = changed(example("11-ipvlan114.conflist"), { mode: "l3" });
  const containers = [
    { container: "c1", ips: ["192.168.114.10"] },
    { container: "c3", ips: ["192.168.116.10"] },
  ];
  await fabric.attachAtOnce(...containers.map((container) => [network, container] as const));
  await fabric.packets("trunk");
  await fabric.reach(t, "c1 192.168.116.10 yes\n c3 192.168.114.10 yes");
  t.strictSame(
    (await fabric.packets("trunk")).filter((line) => line.includes("ICMP echo")),
    [],
    "nothing is on the trunk",
  );
  await fabric.detach(network, ...containers);
  await fabric.nothingLeft(t);
});

t.test("VLAN 10, 20 and 30 as handed over by the network's operators", async (t) => {
  const expected = [
    { file: "12-vlan10.conflist", container: "c1", address: "172.16.80.2/24", gateway: "172.16.80.1", vid: 10 },
    { file: "13-vlan20.conflist", container: "c2", address: "172.16.48.1/22", gateway: "172.16.50.1", vid: 20 },
    { file: "14-vlan30.conflist", container: "c3", address: "10.1.0.1/16", gateway: "10.1.100.1", vid: 30 },
  ];
  const groups = expected.map(({ file, container }) => [example(file), container] as const);
  const results = await fabric.attachAtOnce(...groups);
  for (const [index, { file, address, gateway }] of expected.entries()) {
    t.match(results[index].ips, [{ address, gateway }], file);
  }
  await fabric.packets("trunk");
  await fabric.reach(t, expected.map(({ container, gateway }) => `${container} ${gateway} yes`).join("\n"));
  const packets = await fabric.packets("trunk");
  for (const { address, gateway, vid } of expected) tagged(t, packets, vid, `${address.split("/")[0]} > ${gateway}`);
  await fabric.detachAtOnce(...groups);
  t.equal(await fabric.sh("ip -n h1 -o link show type vlan"), "", "eth0.10, made by ADD, is gone, and the others");
  await fabric.nothingLeft(t);
});

t.test("ipvlan40: hand-made links are used under any name, never changed, and survive the last DEL", async (t) => {
  const dotted = example("21-ipvlan40.conflist");
  const foobar = example("22-ipvlan40-foobar.conflist");
  for (const [network, link] of [
    [dotted, "eth0.40"],
    [foobar, "foobar"],
  ] as const) {
    await fabric.sh(
      `ip -n h1 link add link eth0 name ${link} type vlan id 40; ip -n h1 link set ${link} up alias "by hand"`,
    );
    // Its operational state becomes known some time later.
    const ofParent = `ip -n h1 -d link show ${link} | sed "s/ state [A-Z]*//"`;
    const before = await fabric.sh(ofParent);
    await fabric.attach(network, "c1", "c2");
    await fabric.packets("trunk");
    await fabric.reach(t, "c1 192.168.40.3 yes\n c1 192.168.40.1 yes");
    tagged(t, await fabric.packets("trunk"), 40, "192.168.40.2 > 192.168.40.1");
    await fabric.detach(network, "c1", "c2");
    t.equal(await fabric.sh(ofParent), before, `${link} is what it was`);
    await fabric.sh(`ip -n h1 link del ${link}`);
  }
  await fabric.nothingLeft(t);
});

t.test(
  "a sub-interface deleted by hand under its containers: DEL succeeds, and the next ADD makes it again",
  async (t) => {
    const network = example("09-ipvlan20.conflist");
    await fabric.attach(network, "c1", "c2");
    await fabric.sh("ip -n h1 link del eth0.20");
    t.equal(
      await fabric.sh("ip -n c1 -o link show type ipvlan"),
      "",
      "the kernel took the containers' interfaces with it",
    );
    await fabric.detach(network, "c1");
    await fabric.attach(network, "c3");
    await fabric.reach(t, "c3 192.168.20.1 yes");
    await fabric.detach(network, "c2");
    await fabric.reach(t, "c3 192.168.20.1 yes");
    await fabric.detach(network, "c3");
    await fabric.nothingLeft(t);
  },
);

t.test("v6ipvlan139: IPv6 as asked for, IPv4 from the default pool, and answers at once", async (t) => {
  const network = example("17-v6ipvlan139.conflist");
  await fabric.sh("route on");
  await fabric.packets("trunk");
  const [first] = await fabric.attach(network, "c1");
  t.match(first.ips, [{ address: "172.18.0.2/16" }, { address: "2001:db8:abc2::1/64", gateway: "2001:db8:abc2::22" }]);
  const announced = (await fabric.packets("trunk")).filter((line) => line.includes("neighbor advertisement"));
  t.match(announced[0], /> 33:33:00:00:00:01, .* vlan 139, .* 2001:db8:abc2::1 > ff02::1: .* tgt is 2001:db8:abc2::1/);

  // One packet, without a second try: duplicate address detection would keep the address back for a second and more.
  const answered = await fabric.sh(`
    ${callScript(callOf("ADD", network, "c2"), "/tmp/lab")}
    inside c1 ping -nq -c 1 -W 5 2001:db8:abc2::2
    ip -n c1 -6 neigh show to 2001:db8:abc2::2
    ip -n c2 -o addr show eth0`);
  t.match(answered, " 1 received");
  t.match(
    answered,
    /^2001:db8:abc2::2 dev eth0 lladdr \S+ (router )?(REACHABLE|DELAY|STALE)/m,
    "by neighbour discovery",
  );
  t.match(answered, /inet6 2001:db8:abc2::2\/64 scope global nodad \\/);

  const { addresses, routes6 } = await fabric.show("c2");
  t.strictSame(addresses, ["inet 172.18.0.3/16", "inet6 2001:db8:abc2::2/64 nodad"]);
  t.strictSame(routes6, ["2001:db8:abc2::/64 dev eth0", "default via 2001:db8:abc2::22 dev eth0"]);
  await fabric.reach(
    t,
    `c2 2001:db8:abc2::1 yes
     c2 2001:db8:abc2::22 yes
     c2 2001:db8:abc9::22 yes
     c1 172.18.0.3 yes
     c1 192.168.1.1 no`,
  );
  await fabric.sh("route off");
  await fabric.detach(network, "c1", "c2");
  await fabric.nothingLeft(t);
});

t.test("v6ipvlan139 with ipv4: false has no IPv4 address", async (t) => {
  const original = example("17-v6ipvlan139.conflist");
  const network = changed(original, { ipam: { ...original.plugins[0].ipam, ipv4: false } }, "v6only");
  const [{ ips }] = await fabric.attach(network, "c1");
  t.match(ips, [{ address: "2001:db8:abc2::1/64" }]);
  const { addresses, routes } = await fabric.show("c1");
  t.strictSame([addresses, routes], [["inet6 2001:db8:abc2::1/64 nodad"], []]);
  await fabric.detach(network, "c1");
  await fabric.nothingLeft(t);
});

t.test("ipvlan140: two IPv4 subnets and one of IPv6, all with their gateways", async (t) => {
  const network = example("18-ipvlan140.conflist");
  const second = { container: "c2", ips: ["192.168.140.10"] };
  const third = { container: "c3", ips: ["192.168.142.10", "2001:db8:abc9::51"] };
  const [first] = await fabric.attach(network, "c1");
  await fabric.attachAtOnce([network, second], [network, third]);
  t.match(first.ips, [
    { address: "192.168.140.2/24", gateway: "192.168.140.1" },
    { address: "2001:db8:abc9::1/64", gateway: "2001:db8:abc9::22" },
  ]);
  const { addresses, routes, routes6 } = await fabric.show("c1");
  t.strictSame(addresses, ["inet 192.168.140.2/24", "inet6 2001:db8:abc9::1/64 nodad"]);
  t.strictSame(routes, [
    "192.168.140.0/24 dev eth0 scope link src 192.168.140.2",
    "default via 192.168.140.1 dev eth0",
  ]);
  t.strictSame(routes6, ["2001:db8:abc9::/64 dev eth0", "default via 2001:db8:abc9::22 dev eth0"]);
  const shown = await fabric.show("c3");
  t.strictSame(shown.addresses, ["inet 192.168.142.10/24", "inet6 2001:db8:abc9::51/64 nodad"]);
  t.match(shown.routes[1], "default via 192.168.142.1 ");
  await fabric.reach(
    t,
    `c2 192.168.140.2 yes
     c3 2001:db8:abc9::1 yes
     c1 2001:db8:abc9::22 yes
     c1 192.168.142.10 no`,
  );
  await fabric.sh("route on");
  await fabric.reach(t, "c1 192.168.142.10 yes");
  await fabric.sh("route off");
  await fabric.detach(network, "c1", second, third);
  await fabric.nothingLeft(t);
});

t.test("multus: a second interface in VLAN 20 of the default route's link, with the address asked for", async (t) => {
  const network = example("31-multus.yaml");
  await fabric.sh("ip -n c1 link add eth0 type dummy; ip -n c1 link set eth0 up; ip -n c1 route add default dev eth0");
  const [{ ips }] = await fabric.attach(network, "c2");
  t.match(ips, [{ address: "192.168.20.64/24" }], "from ipRange");
  const call = { ...callOf("ADD", network, { container: "c1", ips: ["192.168.20.77/24"] }), ifname: "net1" };
  const result = await fabric.lab.add(call);
  t.match(result.ips, [{ address: "192.168.20.77/24", gateway: "192.168.20.1" }]);
  t.match(await fabric.sh("ip -n h1 -o link show type vlan"), " eth0.20@eth0: ");
  const routes = await fabric.sh("ip -n c1 route");
  t.match(routes, /^default dev eth0 /m, "the default route is the first interface's");
  t.match(routes, /^192\.168\.0\.0\/16 via 192\.168\.20\.1 dev net1/m);
  await fabric.sh("route on");
  await fabric.reach(t, "c1 192.168.20.1 yes\n c1 192.168.30.1 yes");
  await fabric.sh("route off; ip -n c1 link del eth0");
  await fabric.lab.del(call);
  await fabric.detach(network, "c2");
  await fabric.nothingLeft(t);
});
