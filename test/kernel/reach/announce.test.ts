// announce: machines of the LAN reach containers in their own subnet, and find one that has moved to another node at once.
import t from "tap";
import { nothingLeft } from "../lib/open-lab.ts";
import { addressesOf, both, openLan, pod } from "./lib/lan.ts";

const lan = await openLan();
const { lab } = lan;
const machine = ["192.168.50.20", "fd50::20"];
const router = ["192.168.50.1", "fd50::1"];

await lan.sh(`
  serve h1 lan gw p1 p2 q1
  for name in h1 h2; do
    inside $name sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
  done
  capture arp lan eth0 'arp[6:2] = 2 or icmp6[0] = 136'`);

const network = (more: object = {}) => ({
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  mode: "l3s",
  announce: true,
  ipam: {
    subnets: [
      { subnet: "192.168.50.0/24", gateway: "192.168.50.1", ipRange: "192.168.50.96/27" },
      { subnet: "fd50::/64", gateway: "fd50::1", ipRange: "fd50::100/120" },
    ],
  },
  capabilities: { ips: true },
  ...more,
});

t.test("machines of the LAN and the containers reach each other, the host answers once for each", async (t) => {
  const config = network();
  const result = await lab.add(pod("p1", config));
  const own = addressesOf(result);
  await lab.add(pod("p2", config));
  const kinds = ["tcp", "udp", "bulk"];
  await lan.sh("packets arp");
  t.strictSame(await lan.ask("lan", both(own, kinds)), both(own, kinds, machine), "LAN to container");
  const answers = (await lan.sh("packets arp")).split("\n");
  t.equal(answers.filter((line) => line.includes(`Reply ${own[0]} is-at`)).length, 1, "one ARP answer");
  t.equal(answers.filter((line) => line.includes(`tgt is ${own[1]}`)).length, 1, "one neighbour advertisement");
  t.strictSame(await lan.ask("p1", both(machine, kinds)), both(machine, kinds, own), "container to LAN");
  t.strictSame(await lan.ask("gw", both(own, ["tcp"])), both(own, ["tcp"], router), "the router to the container");
  const node = ["192.168.50.11", "fd50::11"];
  t.strictSame(await lan.ask("h1", both(own, ["tcp"])), both(own, ["tcp"], node), "the host to the container");
  t.strictSame(await lan.ask("lan", both(node, ["tcp"])), both(node, ["tcp"], machine), "the LAN to the host");
  t.equal((await lan.check("p1", config, result)).stdout, "");

  await lan.sh("ip -n h1 link set eth0 down; ip -n h1 link set eth0 up; ip -n h1 addr add fd50::11/64 dev eth0 nodad");
  t.match((await lan.check("p1", config, result)).json, {
    code: 107,
    msg: `the host does not answer for ${own[0]} any more, since eth0 was down: ip neigh add proxy ${own[0]} dev eth0`,
  });
  await lab.del(pod("p2", config));
  await lab.add(pod("p2", config));
  t.equal((await lan.check("p1", config, result)).stdout, "", "the next ADD on the parent puts all back");
  t.strictSame(await lan.ask("lan", both(own, ["tcp"])), both(own, ["tcp"], machine));
  for (const name of ["p1", "p2"]) await lab.del(pod(name, config));
  await nothingLeft(t, lab);
  t.equal(await lan.sh("ip -n h1 neigh show proxy; ip -n h1 -6 neigh show proxy"), "");
});

t.test(
  "a container that moves is found at once, by a machine that knows where it was, the old node being dead",
  async (t) => {
    const ips = ["192.168.50.120", "fd50::120"];
    const config = network({ runtimeConfig: { ips } });
    await lab.add(pod("p1", config));
    t.strictSame(await lan.ask("lan", both(ips, ["tcp"])), both(ips, ["tcp"], machine));
    await lan.sh("ip -n sw link set h1 down");
    await lab.add(pod("q1", config));
    // Less than it takes a neighbour entry to be found out of date: one second for the first answer.
    t.strictSame(await lan.ask("lan", both(ips, ["tcp"]), 1), both(ips, ["tcp"], machine));
    const known = await lan.sh(`
    ip -n h2 -o link show eth0
    ip -n lan neigh show 192.168.50.120
    ip -n lan -6 neigh show fd50::120`);
    const mac = /link.ether (\S+)/.exec(known)?.[1] as string;
    t.equal(known.split(`lladdr ${mac} `).length - 1, 2, "both entries have the new node's MAC");
    await lan.sh("ip -n sw link set h1 up");
    await lab.del(pod("p1", config));
    await lab.del(pod("q1", config));
    await nothingLeft(t, lab, ["h1", "h2"]);
  },
);

t.test("a late DEL takes nothing from the address's new owner", async (t) => {
  const config = network({
    ipam: { type: "static", addresses: [{ address: "192.168.50.121/24" }, { address: "fd50::121/64" }] },
  });
  const ips = ["192.168.50.121", "fd50::121"];
  await lab.add(pod("p1", config));
  // The first one died, and its interface with it; the runtime's DEL is still to come.
  await lan.sh("ip -n p1 link del eth0");
  await lab.add(pod("p2", config));
  await lab.del(pod("p1", config));
  t.strictSame(await lan.ask("lan", both(ips, ["tcp"])), both(ips, ["tcp"], machine));
  const node = ["192.168.50.11", "fd50::11"];
  t.strictSame(await lan.ask("h1", both(ips, ["tcp"])), both(ips, ["tcp"], node));
  await lab.del(pod("p2", config));
  await nothingLeft(t, lab);
});

t.test("over IPv6 in l3, too; what cannot work is refused with the reason", async (t) => {
  const v6 = network({
    mode: "l3",
    ipam: { ipv4: false, subnets: [{ subnet: "fd50::/64", ipRange: "fd50::100/120" }] },
  });
  const own = addressesOf(await lab.add(pod("p1", v6)));
  t.strictSame(await lan.ask("lan", both(own, ["tcp"])), both(own, ["tcp"], ["fd50::20"]));
  await lab.del(pod("p1", v6));
  const refusals = await lab.calls([
    pod("p1", network({ mode: "l3" })),
    pod("p1", network({ mode: "l2" })),
    pod("p1", network({ flag: "private" })),
  ]);
  t.match(
    refusals.map(({ json }) => [json.code, json.msg]),
    [
      [7, /^announce cannot work for IPv4 in mode l3: the kernel gives the LAN's ARP questions to the container/],
      [7, /^announce is for mode l3s: in mode l2 containers answer/],
      [7, /^announce cannot work with flag private: the kernel drops every packet/],
    ],
  );
  await lan.sh(
    "inside h1 sh -c 'echo 0 > /proc/sys/net/ipv4/conf/eth0/forwarding; echo 0 > /proc/sys/net/ipv6/conf/eth0/forwarding'",
  );
  const silent = await lab.calls([pod("p1", network()), { ...pod("p1", network()), command: "STATUS" }]);
  const reason =
    "announce needs forwarding: without it the kernel answers no ARP and no neighbour solicitation for others: " +
    "sysctl -w net.ipv4.conf.eth0.forwarding=1 net.ipv6.conf.eth0.forwarding=1";
  t.match(
    silent.map(({ json }) => json),
    [
      { code: 108, msg: reason },
      { code: 50, msg: reason },
    ],
  );
  await nothingLeft(t, lab);
});
