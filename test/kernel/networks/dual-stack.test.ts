// The page's "Dual stack IPv4 IPv6 IPvlan L2 mode".
import t from "tap";
import { callScript } from "../lib/lab.ts";
import { changed, example } from "./lib/examples.ts";
import { callOf, openFabric } from "./lib/fabric.ts";

const fabric = await openFabric();
await fabric.sh("capture trunk sw p1; route on");

t.test("v6ipvlan139: IPv6 as asked for, IPv4 from the default pool, and answers at once", async (t) => {
  const network = example("17-v6ipvlan139.conflist");
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
  const [first] = await fabric.attach(network, "c1", second, third);
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
  await fabric.sh("route off");
  await fabric.reach(
    t,
    `c2 192.168.140.2 yes
     c3 2001:db8:abc9::1 yes
     c1 2001:db8:abc9::22 yes
     c1 192.168.142.10 no`,
  );
  await fabric.sh("route on");
  await fabric.reach(t, "c1 192.168.142.10 yes");
  await fabric.detach(network, "c1", second, third);
  await fabric.nothingLeft(t);
});
