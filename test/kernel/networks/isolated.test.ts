// The page's networks without a parent and with --internal.
import t from "tap";
import { changed, example } from "./lib/examples.ts";
import { type Attachment, openFabric } from "./lib/fabric.ts";

const fabric = await openFabric();
const onH1 = (container: string): Attachment => ({ container, host: "h1" });

t.test("isolated1, isolated2, isolated3: each a world of its own on a dummy parent", async (t) => {
  const networks = [
    { network: example("06-isolated1.conflist"), containers: ["c1", "c2"], subnet: "192.168.10" },
    { network: example("07-isolated2.conflist"), containers: ["c3", "c4"], subnet: "192.168.11" },
    { network: example("08-isolated3.conflist"), containers: ["d1", "d2"], subnet: "172.18.0" },
  ];
  for (const { network, containers, subnet } of networks) {
    const answer = await fabric.add(network, onH1(`${containers[0]}`));
    t.match(answer.stderr, new RegExp(`network ${network.name} is isolated: .* di-${network.name}\n$`));
    const length = subnet.startsWith("172") ? 16 : 24;
    t.strictSame(answer.json.ips, [{ address: `${subnet}.2/${length}`, interface: 0 }], "no gateway");
    await fabric.attach(network, onH1(`${containers[1]}`));
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
  await fabric.sh(`capture trunk sw p1; ${defaults.join("; ")}`);
  await fabric.reach(t, others);
  const left = (await fabric.packets("trunk")).filter((line) => /192\.168\.1[01]\.|172\.18\./.test(line));
  // The last line above is the host's own question.
  t.strictSame(
    left.filter((line) => !line.includes("192.168.1.250 >")),
    [],
    "nothing leaves the host",
  );

  for (const { network, containers } of networks) {
    await fabric.detach(network, ...containers.map(onH1));
  }
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
  const [one] = await fabric.attach(first, "c1");
  const [two] = await fabric.attach(second, "c2");
  t.match(one.ips, [{ address: "172.19.0.2/16" }]);
  t.match(two.ips, [{ address: "172.20.0.2/16" }]);
  t.match(await fabric.sh("ip -n h1 -o link show type dummy"), / di-pool1: [\s\S]* di-[0-9a-f]{12}: /);
  await fabric.sh("ip -n h1 route del 172.18.200.0/24");
  await fabric.detach(first, "c1");
  const [again] = await fabric.attach(first, "c3");
  t.match(again.ips, [{ address: /^172\.19\.0\.\d+\/16$/ }]);
  await fabric.detach(first, "c3");
  await fabric.detach(second, "c2");
  await fabric.nothingLeft(t);
});
