import t from "tap";
import { openLab } from "./lib/open-lab.ts";

const lab = await openLab();

const config = {
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  ipam: {
    subnets: [{ subnet: "192.168.1.0/24" }, { subnet: "2001:db8:1::/64" }],
    routes: [{ dst: "10.0.0.0/8", gw: "192.168.1.9" }],
  },
};

/** The kernel drops routes and IPv6 addresses of a link that is set down. */
const upAgain = `ip -n c1 link set eth0 up
  ip -n c1 addr replace 2001:db8:1::2/64 dev eth0 nodad
  ip -n c1 route replace default via 192.168.1.1
  ip -n c1 route replace 10.0.0.0/8 via 192.168.1.9
  ip -n c1 -6 route replace default via 2001:db8:1::1 dev eth0`;

/** What somebody did to the container's interface, how it is put right again, and what CHECK says of it. */
const damages: { what: string; damage: string; mend: string; message: RegExp }[] = [
  {
    what: "set down",
    damage: "ip -n c1 link set eth0 down",
    mend: upAgain,
    message: /interface eth0 is down/,
  },
  {
    what: "renamed",
    damage: "ip -n c1 link set eth0 down; ip -n c1 link set eth0 name eth9; ip -n c1 link set eth9 up",
    mend: `ip -n c1 link set eth9 down; ip -n c1 link set eth9 name eth0; ${upAgain}`,
    message: /interface eth0 is gone/,
  },
  {
    what: "without its IPv4 address",
    damage: "ip -n c1 addr add 192.168.1.77/24 dev eth0; ip -n c1 addr del 192.168.1.2/24 dev eth0",
    mend: `ip -n c1 addr flush dev eth0 scope global; ip -n c1 addr add 192.168.1.2/24 dev eth0; ${upAgain}`,
    message: /lacks address 192\.168\.1\.2\/24/,
  },
  {
    what: "without its IPv6 address",
    damage: "ip -n c1 addr del 2001:db8:1::2/64 dev eth0",
    mend: "ip -n c1 addr add 2001:db8:1::2/64 dev eth0 nodad; ip -n c1 -6 route replace default via 2001:db8:1::1 dev eth0",
    message: /lacks address 2001:db8:1::2\/64/,
  },
  {
    what: "without a route",
    damage: "ip -n c1 route del 10.0.0.0/8",
    mend: "ip -n c1 route add 10.0.0.0/8 via 192.168.1.9",
    message: /route 10\.0\.0\.0\/8 via 192\.168\.1\.9 is gone/,
  },
  {
    what: "with another default route",
    damage: "ip -n c1 route replace default via 192.168.1.200",
    mend: "ip -n c1 route replace default via 192.168.1.1",
    message: /route 0\.0\.0\.0\/0 via 192\.168\.1\.1 is gone/,
  },
  {
    what: "with a larger MTU",
    damage: "ip -n c1 link set eth0 mtu 1600",
    mend: "ip -n c1 link set eth0 mtu 1500",
    message: /MTU 1600, more than 1500/,
  },
  {
    what: "on a parent that is down",
    damage: "on h1 ip link set eth0 down",
    mend: "on h1 ip link set eth0 up",
    message: /parent eth0 is down/,
  },
  {
    what: "on a parent that was renamed",
    damage: "on h1 ip link set eth0 down; on h1 ip link set eth0 name eth7",
    mend: "on h1 ip link set eth7 name eth0; on h1 ip link set eth0 up",
    message: /parent eth0 is gone/,
  },
  {
    what: "with another mode, which a foreign ipvlan on the parent brought",
    damage: "on h1 ip link add iv9 link eth0 type ipvlan mode l3",
    mend: "on h1 ip link del iv9; ip -n c1 link set eth0 type ipvlan mode l2",
    message: /l3 bridge, not l2 bridge/,
  },
  {
    what: "with another flag",
    damage: "ip -n c1 link set eth0 type ipvlan private",
    mend: "ip -n c1 link set eth0 type ipvlan bridge",
    message: /l2 private, not l2 bridge/,
  },
  {
    what: "whose reservation is gone",
    damage: "on h1 mv /var/lib/cni/networks/net1/192.168.1.2 /var/lib/cni/kept",
    mend: "on h1 mv /var/lib/cni/kept /var/lib/cni/networks/net1/192.168.1.2",
    message: /192\.168\.1\.2/,
  },
  {
    what: "whose place another ipvlan has taken",
    damage: `ip -n c1 link set eth0 down; ip -n c1 link set eth0 name eth9
      on h1 ip link add iv9 link eth0 type ipvlan mode l2
      on h1 ip link set iv9 netns c1; ip -n c1 link set iv9 name eth0; ip -n c1 link set eth0 up`,
    mend: `ip -n c1 link del eth0; ip -n c1 link set eth9 name eth0; ${upAgain}`,
    message: /interface eth0 is not the one that ADD made/,
  },
  {
    what: "replaced by one of another kind",
    damage: "ip -n c1 link set eth0 down; ip -n c1 link set eth0 name eth9; ip -n c1 link add eth0 type dummy",
    mend: `ip -n c1 link del eth0; ip -n c1 link set eth9 name eth0; ${upAgain}`,
    message: /of kind dummy, not ipvlan/,
  },
];

t.test("CHECK finds an attachment whole, and each damage with a message of its own", async (t) => {
  await lab.ok("reset; host h1; container peer c1; cable h1 eth0 peer eth0");
  const prevResult = await lab.add({ netns: "c1", config });
  const check = { command: "CHECK", netns: "c1", config: { ...config, prevResult } } as const;
  const whole = await lab.call(check);
  t.strictSame([whole.code, whole.stdout, whole.stderr], [0, "", ""], "whole");
  for (const { what, damage, mend, message } of damages) {
    await lab.ok(damage);
    t.match(await lab.call(check), { code: 1, json: { code: 107, msg: message } }, what);
    await lab.ok(mend);
  }
  t.equal((await lab.call(check)).stdout, "", "whole again when all is mended");
  await lab.ok("ip -n c1 link set eth0 alias mine");
  t.equal((await lab.call(check)).stdout, "", "its alias is the container's own affair");
  await lab.ok("on h1 rm -r /run/ipvlan-cni/networks; ip -n c1 link set eth0 alias 'ipvlan-cni other'");
  t.match(
    (await lab.call(check)).json,
    { code: 107, msg: /belongs to another container/ },
    "nothing else is left to go by",
  );
  await lab.ok("ip -n c1 link del eth0");
  t.match(await lab.call(check), { code: 1, json: { code: 107, msg: /interface eth0 is gone/ } }, "removed");
});

t.test("CHECK finds a MAC that differs from the recorded one", async (t) => {
  await lab.ok("reset; host h1; container peer c1; cable h1 eth0 peer eth0");
  const prevResult = await lab.add({ netns: "c1", config });
  await lab.ok("on h1 ip link set eth0 address 02:00:00:00:00:99");
  const answer = await lab.call({ command: "CHECK", netns: "c1", config: { ...config, prevResult } });
  t.match(answer.json, { code: 107, msg: /MAC 02:00:00:00:00:99, not/ });
});

t.test(
  "CHECK compares with what ADD recorded: a choice that would fall elsewhere now, or nowhere, is none of its affair",
  async (t) => {
    await lab.ok(`reset; host h1; container peer c1; cable h1 eth0 peer eth0; cable h1 eth1 peer eth1
    ip -n h1 -batch - <<'END'
addr add 192.168.1.250/24 dev eth0
addr add 10.0.0.5/8 dev eth1
route add default via 192.168.1.254
END`);
    for (const master of [{ defaultRoute: "ipv4" }, { subnet: "192.168.1.250/32" }, ""]) {
      const chosen = { ...config, master };
      const prevResult = await lab.add({ netns: "c1", config: chosen });
      const check = { command: "CHECK", netns: "c1", config: { ...chosen, prevResult } } as const;
      await lab.ok("ip -n h1 route del default; ip -n h1 addr del 192.168.1.250/24 dev eth0");
      t.equal((await lab.call(check)).stdout, "", `${JSON.stringify(master)}: nothing would be chosen`);
      await lab.ok("ip -n h1 route add default via 10.0.0.1; ip -n h1 addr add 192.168.1.250/24 dev eth1");
      t.equal((await lab.call(check)).stdout, "", `${JSON.stringify(master)}: another link would be`);
      await lab.ok("ip -n h1 link set eth0 down");
      t.match((await lab.call(check)).json, { code: 107, msg: /parent eth0 is down/ });
      await lab.ok(`ip -n h1 link set eth0 up; ip -n h1 addr flush dev eth1; ip -n h1 addr add 10.0.0.5/8 dev eth1
      ip -n h1 addr add 192.168.1.250/24 dev eth0; ip -n h1 route add default via 192.168.1.254`);
      await lab.del({ netns: "c1", config: chosen });
    }
  },
);

t.test("CHECK without prevResult, or with one that lacks the interface, says so", async (t) => {
  const check = { command: "CHECK", netns: "c1" } as const;
  const [without, lacking, old] = await lab.calls([
    { ...check, config },
    { ...check, config: { ...config, prevResult: { cniVersion: "1.1.0", interfaces: [], ips: [] } } },
    { ...check, config: { ...config, cniVersion: "0.3.1", prevResult: { cniVersion: "0.3.1" } } },
  ]);
  t.match(without?.json, { code: 7, details: "/prevResult" });
  t.match(lacking?.json, { code: 107, msg: /no interface eth0/ });
  t.match(old?.json, { code: 1, msg: /CHECK came with cniVersion 0\.4\.0/ });
});
