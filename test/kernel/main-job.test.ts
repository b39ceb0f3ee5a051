import t from "tap";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();

const dualStack = (mode: string) => ({
  cniVersion: "1.1.0",
  name: `net-${mode}`,
  type: "ipvlan",
  master: "eth0",
  mode,
  ipam: { subnets: [{ subnet: "192.168.1.0/24", gateway: "192.168.1.1" }, { subnet: "2001:db8:1::/64" }] },
});

for (const mode of ["l2", "l3", "l3s"]) {
  t.test(`two containers on one parent reach each other in ${mode}, over IPv4 and IPv6`, async (t) => {
    await lab.ok(`reset; host h1; container peer c1 c2; cable h1 eth0 peer eth0`);
    const config = dualStack(mode);
    const first = await lab.add({ netns: "c1", config });
    const second = await lab.add({ netns: "c2", config });
    t.match(first, {
      cniVersion: "1.1.0",
      interfaces: [{ name: "eth0", mac: /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, mtu: 1500, sandbox: "/run/netns/c1" }],
      ips: [
        { address: "192.168.1.2/24", interface: 0 },
        { address: "2001:db8:1::2/64", interface: 0 },
      ],
    });
    t.match(second.ips, [{ address: "192.168.1.3/24" }, { address: "2001:db8:1::3/64" }]);
    const ping = await lab.sh(`
      inside c1 ping -c1 -W2 192.168.1.3
      inside c2 ping -c1 -W2 192.168.1.2
      inside c1 ping -c1 -W2 2001:db8:1::3
      inside c2 ping -c1 -W2 2001:db8:1::2`);
    t.equal(ping.code, 0, ping.stdout + ping.stderr);
    const seen = await lab.ok(`ip -n c1 -d link show eth0; ip -n c1 addr show eth0; ip -n c1 route; ip -n c1 -6 route`);
    t.match(seen, `ipvlan  mode ${mode} bridge`);
    t.match(seen, "inet 192.168.1.2/24 ");
    t.match(seen, /inet6 2001:db8:1::2\/64 scope global nodad/);
    if (mode === "l2") {
      t.match(seen, "default via 192.168.1.1 dev eth0");
      t.match(seen, "default via 2001:db8:1::1 dev eth0");
      t.match(first.routes, [
        { dst: "0.0.0.0/0", gw: "192.168.1.1" },
        { dst: "::/0", gw: "2001:db8:1::1" },
      ]);
    } else {
      t.match(seen, /^default dev eth0 scope link/m);
      t.match(seen, /^default dev eth0 metric 1024/m);
      t.notMatch(seen, "via");
      t.strictSame(first.routes, [{ dst: "0.0.0.0/0" }, { dst: "::/0" }]);
    }
    await lab.del({ netns: "c1", config });
    await lab.del({ netns: "c2", config });
    t.equal(await lab.ok("ip -n c1 -o link show type ipvlan; ip -n c2 -o link show type ipvlan"), "");
    await nothingLeft(t, lab);
  });
}
