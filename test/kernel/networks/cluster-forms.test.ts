// The forms for Kubernetes and Multus.
import t from "tap";
import { example } from "./lib/examples.ts";
import { callOf, openFabric } from "./lib/fabric.ts";

const fabric = await openFabric();

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
    await fabric.nothingLeft(t);
  },
);

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
  await fabric.lab.del(call);
  await fabric.detach(network, "c2");
  await fabric.nothingLeft(t);
});
