// The page's table of options and its "IPvlan L2 mode example usage", isolated networks included.
import t from "tap";
import { changed, example } from "./lib/examples.ts";
import { type Attachment, callsOf, openFabric } from "./lib/fabric.ts";

const fabric = await openFabric();
await fabric.sh("capture trunk sw p1; capture c2 c2 any");

t.test("db_net: the containers of two hosts are neighbours on the hosts' own network", async (t) => {
  const network = example("04-db_net.conflist");
  // The carrier of a new link becomes known some time later.
  const ofParent =
    "ip -n h1 -d link show eth0 | sed 's/NO-CARRIER,//; s/ qdisc [a-z]*//; s/ state [A-Z]*//'; ip -n h1 -o -4 addr show eth0";
  const before = await fabric.sh(ofParent);
  await fabric.packets("trunk");
  const [first] = await fabric.attachAtOnce(
    [network, "c1", "c2"],
    [network, { container: "d1", ips: ["192.168.1.20"] }],
  );
  t.match(first, {
    ips: [{ address: "192.168.1.2/24", gateway: "192.168.1.1", interface: 0 }],
    routes: [{ dst: "0.0.0.0/0", gw: "192.168.1.1" }],
  });
  const announcements = (await fabric.packets("trunk")).filter((line) => /> ff:ff:ff:ff:ff:ff, .* who-has/.test(line));
  for (const host of [2, 3, 20]) {
    t.match(announcements.join("\n"), new RegExp(`who-has 192\\.168\\.1\\.${host} tell 192\\.168\\.1\\.${host},`));
  }

  const shown = await fabric.show("c1");
  t.match(shown.link, /<BROADCAST,MULTICAST,UP,LOWER_UP>.* ipvlan +mode l2 bridge/);
  t.strictSame(shown.addresses, ["inet 192.168.1.2/24"]);
  t.strictSame(shown.routes, [
    "192.168.1.0/24 dev eth0 scope link src 192.168.1.2",
    "default via 192.168.1.1 dev eth0",
  ]);
  await fabric.reach(
    t,
    `c1 192.168.1.3 yes
     c1 192.168.1.1 yes
     c1 192.168.1.20 yes
     c1 192.168.1.251 yes
     d1 192.168.1.250 yes
     h2 192.168.1.2 yes
     c1 192.168.1.250 no
     h1 192.168.1.2 no`,
  );

  await fabric.packets("c2");
  await fabric.sh(`
    inside c1 ping -nqb -c 1 -W 0.2 192.168.1.255 > /dev/null 2>&1 || true
    inside c1 ping -nq -c 1 -W 0.2 -I eth0 224.0.0.1 > /dev/null 2>&1 || true`);
  const arrived = (await fabric.packets("c2")).filter((line) => line.includes("ICMP echo request"));
  t.match(arrived.join("\n"), /192\.168\.1\.2 > 192\.168\.1\.255/, "a broadcast arrives");
  t.match(arrived.join("\n"), /192\.168\.1\.2 > 224\.0\.0\.1/, "a multicast arrives");

  await fabric.detach(network, "c1", "c2", "d1");
  t.equal(await fabric.sh(ofParent), before, "the parent is what it was");
  await fabric.nothingLeft(t, "h1", "h2");
});

t.test("db_net_ipv: without gateway and mode the network is the same as db_net", async (t) => {
  // Under another name: within a network, an address that was freed is not given again at once.
  const written = changed(example("04-db_net.conflist"), {}, "db_net_again");
  const byDefault = example("05-db_net_ipv.conflist");
  const [expected] = await fabric.attach(written, "c1");
  await fabric.detach(written, "c1");
  const [ipv1] = await fabric.attach(byDefault, "c1", "c2");
  t.strictSame(ipv1, expected, "the same result");
  t.strictSame((await fabric.show("c1")).routes, [
    "192.168.1.0/24 dev eth0 scope link src 192.168.1.2",
    "default via 192.168.1.1 dev eth0",
  ]);
  await fabric.reach(t, "c2 192.168.1.2 yes\n c2 192.168.1.1 yes\n c2 192.168.1.250 no");
  await fabric.detach(byDefault, "c1", "c2");
  await fabric.nothingLeft(t);
});

t.test("private: the containers of a host do not reach each other, but the rest of the network", async (t) => {
  const network = example("02-private.conflist");
  await fabric.attach(network, "c1", "c2");
  t.match((await fabric.show("c1")).link, /ipvlan +mode l2 private/);
  await fabric.reach(t, "c1 192.168.1.3 no\n c2 192.168.1.2 no\n c1 192.168.1.1 yes\n c2 192.168.1.251 yes");
  await fabric.detach(network, "c1", "c2");
  await fabric.nothingLeft(t);
});

t.test("vepa: the containers of a host reach each other by way of a switch that sends frames back", async (t) => {
  const network = example("03-vepa.conflist");
  await fabric.attach(network, "c1", "c2");
  t.match((await fabric.show("c1")).link, /ipvlan +mode l2 vepa/);
  await fabric.reach(t, "c1 192.168.1.3 no\n c1 192.168.1.1 yes");
  await fabric.sh("bridge -n sw link set dev p1 hairpin on");
  await fabric.packets("trunk");
  await fabric.reach(t, "c1 192.168.1.3 yes");
  const requests = (await fabric.packets("trunk")).filter((line) =>
    /192\.168\.1\.2 > 192\.168\.1\.3: .* seq 1,/.test(line),
  );
  t.ok(requests.length >= 2, `the request is on the wire twice: out and back\n${requests.join("\n")}`);
  await fabric.sh("bridge -n sw link set dev p1 hairpin off");
  await fabric.detach(network, "c1", "c2");
  await fabric.nothingLeft(t);
});

t.test("l3s: routed as in l3, and the host's own packet filter sees the containers' packets", async (t) => {
  const network = example("01-l3s.conflist");
  await fabric.attach(network, "c1", "c2");
  const { link, routes } = await fabric.show("c1");
  t.match(link, /<BROADCAST,MULTICAST,NOARP,UP,LOWER_UP>.* ipvlan +mode l3s bridge/);
  t.strictSame(routes, ["192.168.215.0/24 dev eth0 scope link src 192.168.215.2", "default dev eth0 scope link"]);
  await fabric.sh("ip -n h2 route add 192.168.215.0/24 via 192.168.1.250");
  await fabric.reach(t, "c1 192.168.215.3 yes\n h2 192.168.215.2 yes\n c1 192.168.1.251 yes");
  await fabric.sh(`inside h1 nft -f - <<'END'
    add table ip filter
    add chain ip filter input { type filter hook input priority 0; }
    add rule ip filter input ip daddr 192.168.215.2 icmp type echo-request drop
END`);
  await fabric.reach(t, "h2 192.168.215.2 no\n h2 192.168.215.3 yes");
  await fabric.sh("inside h1 nft delete table ip filter; ip -n h2 route del 192.168.215.0/24");
  await fabric.detach(network, "c1", "c2");
  await fabric.nothingLeft(t);
});

const onH1 = (container: string): Attachment => ({ container, host: "h1" });

t.test("isolated1, isolated2, isolated3: each a world of its own on a dummy parent", async (t) => {
  const networks = [
    { network: example("06-isolated1.conflist"), containers: ["c1", "c2"], subnet: "192.168.10" },
    { network: example("07-isolated2.conflist"), containers: ["c3", "c4"], subnet: "192.168.11" },
    { network: example("08-isolated3.conflist"), containers: ["d1", "d2"], subnet: "172.18.0" },
  ];
  const groups = networks.map(({ network, containers }) => [network, ...containers.map(onH1)] as const);
  const answers = await fabric.lab.together(groups.map((group) => callsOf("ADD", group)));
  for (const [index, { network, containers, subnet }] of networks.entries()) {
    const first = answers[2 * index];
    t.match(first?.stderr, new RegExp(`network ${network.name} is isolated: .* di-${network.name}\n$`));
    const length = subnet.startsWith("172") ? 16 : 24;
    t.strictSame(first?.json.ips, [{ address: `${subnet}.2/${length}`, interface: 0 }], "no gateway");
    const { addresses, routes } = await fabric.show(`${containers[1]}`);
    t.strictSame(addresses, [`inet ${subnet}.3/${length}`]);
    t.strictSame(routes.length, 1, "a route to its own subnet and no other");
  }
  const parents = await fabric.sh("ip -n h1 -o -d link show type dummy");
  for (const { network } of networks) {
    t.match(parents, new RegExp(`di-${network.name}: <BROADCAST,NOARP,UP,LOWER_UP>.* alias made by ipvlan-cni`));
  }

  // What has no route goes nowhere; so try with one, too.
  const defaults = networks.flatMap(({ containers }) =>
    containers.map((name) => `ip -n ${name} route add default dev eth0`),
  );
  const others = `
    c1 192.168.10.3 yes
    c3 192.168.11.3 yes
    d1 172.18.0.3 yes
    c1 192.168.11.2 no
    c3 172.18.0.2 no
    d1 192.168.10.2 no
    c1 192.168.1.250 no
    c2 192.168.1.1 no
    c3 192.168.1.251 no
    d1 192.168.1.1 no
    h1 192.168.10.2 no`;
  await fabric.reach(t, others);
  await fabric.packets("trunk");
  await fabric.sh(defaults.join("; "));
  await fabric.reach(t, others);
  const left = (await fabric.packets("trunk")).filter((line) => /192\.168\.1[01]\.|172\.18\./.test(line));
  // The last line above is the host's own question.
  t.strictSame(
    left.filter((line) => !line.includes("192.168.1.250 >")),
    [],
    "nothing leaves the host",
  );

  await fabric.detachAtOnce(...groups);
  t.equal(await fabric.sh("ip -n h1 -o link show type dummy"), "", "the dummy links are gone");
  await fabric.nothingLeft(t);
});

t.test("internal: true with a parent: the parent is not used", async (t) => {
  const network = changed(example("07-isolated2.conflist"), { master: "eth0" }, "internal");
  await fabric.attach(network, "c1", "c2");
  t.match(await fabric.sh("ip -n h1 -o link show type dummy"), " di-internal: ");
  await fabric.reach(t, "c1 192.168.11.3 yes\n c1 192.168.1.1 no");
  await fabric.detach(network, "c1", "c2");
  await fabric.nothingLeft(t);
});

t.test("the default pool avoids the host's routes and other networks, and the network keeps it", async (t) => {
  const first = changed(example("08-isolated3.conflist"), {}, "pool1");
  const second = changed(example("08-isolated3.conflist"), {}, "a-name-longer-than-twelve");
  await fabric.sh("ip -n h1 route add 172.18.200.0/24 via 192.168.1.1");
  const results = await fabric.attachAtOnce([first, "c1"], [second, "c2"]);
  t.strictSame(results.map(({ ips }) => ips[0].address).sort(), ["172.19.0.2/16", "172.20.0.2/16"]);
  const parents = await fabric.sh("ip -n h1 -o link show type dummy");
  for (const name of [/ di-pool1: /, / di-[0-9a-f]{12}: /]) t.match(parents, name);
  await fabric.sh("ip -n h1 route del 172.18.200.0/24");
  await fabric.detach(first, "c1");
  const [again] = await fabric.attach(first, "c3");
  t.equal(again.ips[0].address, results[0].ips[0].address.replace("0.2/", "0.3/"));
  await fabric.detachAtOnce([first, "c3"], [second, "c2"]);
  await fabric.nothingLeft(t);
});
