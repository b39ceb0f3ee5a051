// Chains with the packaged plugins of containernetworking: each later plugin is shown to work on what it owns.
import t, { type Test } from "tap";
import { newestPlugins, packagedFolder } from "../../machine/reference-plugins.ts";
import type { Lab } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const newest = newestPlugins();
const lab: Lab = await openLab();

const ipvlan = {
  type: "ipvlan",
  master: "eth0",
  ipam: { subnets: [{ subnet: "192.168.1.0/24", gateway: "192.168.1.1" }] },
};

/** Debian's, but for vrf, which is the newest where it can be had. */
function folderOf(type: string): string {
  return type === "vrf" && "path" in newest ? newest.path : packagedFolder;
}

/** Runs a chain of plugins as libcni does: each gets the result of the one before. */
async function chain(command: "ADD" | "CHECK" | "DEL", plugins: object[], netns: string, result?: object) {
  let previous = result;
  const ordered = command === "DEL" ? plugins.toReversed() : plugins;
  for (const plugin of ordered as { type: string }[]) {
    const config = { cniVersion: "1.0.0", name: "net1", ...plugin, ...(previous && { prevResult: previous }) };
    const own = plugin.type === "ipvlan" ? {} : { plugin: `${folderOf(plugin.type)}/${plugin.type}` };
    const answer = await lab.call({ command, netns, config, ...own });
    if (answer.code !== 0) throw new Error(`${command} of ${plugin.type}: ${answer.stdout}${answer.stderr}`);
    if (command === "ADD") previous = answer.json;
  }
  // biome-ignore lint/suspicious/noExplicitAny: a CNI result
  return previous as any;
}

const setUp = `
  reset; host h1; container wire c1; cable h1 eth0 wire eth0
  ip -n wire addr add 192.168.1.1/24 dev eth0; on h1 ip addr add 192.168.1.250/24 dev eth0`;

async function whole(test: Test, plugins: object[], shown: (result: unknown) => Promise<void>): Promise<void> {
  await lab.ok(setUp);
  const result = await chain("ADD", plugins, "c1");
  await shown(result);
  await chain("CHECK", plugins, "c1", result);
  await chain("DEL", plugins, "c1", result);
  test.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "");
  await nothingLeft(test, lab);
}

t.test("tuning sets the interface's MAC-free settings: MTU and a sysctl", async (t) => {
  const tuning = { type: "tuning", mtu: 1400, sysctl: { "net.ipv4.conf.eth0.proxy_arp": "1" } };
  await lab.ok(setUp);
  const result = await chain("ADD", [ipvlan, tuning], "c1");
  t.match(
    await lab.ok("ip -n c1 link show eth0; inside c1 cat /proc/sys/net/ipv4/conf/eth0/proxy_arp"),
    /mtu 1400[\s\S]*\n1\n/,
  );
  await chain("DEL", [ipvlan, tuning], "c1", result);
  await nothingLeft(t, lab);
});

t.test("sbr moves the interface's routes into a table of its own, and CHECK still finds them", async (t) => {
  await whole(t, [ipvlan, { type: "sbr" }], async () => {
    const seen = await lab.ok(
      "ip -n c1 rule; ip -n c1 route show table 100; inside c1 ping -c1 -W2 -I 192.168.1.2 192.168.1.1",
    );
    t.match(seen, /from 192\.168\.1\.2 lookup 100/);
    t.match(seen, /default via 192\.168\.1\.1 dev eth0/);
  });
});

t.test("vrf puts the interface into a VRF", async (t) => {
  // The kernel moves the connected route along, and drops others: the vrf plugin of this version does not add them again.
  const withoutRoutes = { ...ipvlan, ipam: { type: "host-local", subnet: "192.168.1.0/24" } };
  await whole(t, [withoutRoutes, { type: "vrf", vrfname: "blue" }], async () => {
    t.match(await lab.ok("ip -n c1 link show eth0"), /master blue/);
  });
});

t.test("firewall lets the container's traffic through the host's FORWARD chain", async (t) => {
  await whole(
    t,
    [
      { ...ipvlan, mode: "l3s" },
      { type: "firewall", backend: "iptables" },
    ],
    async () => {
      t.match(await lab.ok("on h1 iptables -S"), /-d 192\.168\.1\.2\/32 .*-j ACCEPT/);
    },
  );
});

t.test("portmap: in l3s other machines reach the container by the host's port, in l2 nobody does", async (t) => {
  const portmap = {
    type: "portmap",
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
  };
  const connect = (from: string) => `${from} timeout 3 busybox nc -w 2 192.168.1.250 8080 < /dev/null || echo nobody`;
  for (const [mode, fromLan] of [
    ["l3s", "hello"],
    ["l2", "nobody"],
  ] as const) {
    await lab.ok(setUp);
    const plugins = [{ ...ipvlan, mode }, portmap];
    const result = await chain("ADD", plugins, "c1");
    await lab.ok(`inside c1 busybox nc -ll -p 80 -e echo hello > /dev/null 2>&1 &
      until inside c1 busybox nc -w 1 127.0.0.1 80 < /dev/null > /dev/null; do sleep 0.1; done`);
    t.equal(await lab.ok(connect("inside wire")), `${fromLan}\n`, `${mode}: from the LAN`);
    t.equal(await lab.ok(connect("on h1")), "nobody\n", `${mode}: from the host itself`);
    // No CHECK: this version of portmap looks for IPv6 rules that it did not make.
    await chain("DEL", plugins, "c1", result);
    t.notMatch(await lab.ok("on h1 iptables -t nat -S"), "192.168.1.2");
    await nothingLeft(t, lab);
  }
});

t.test(
  "vrf in l3: the default route stays where the configuration gives it the scope global, and else is lost",
  { skip: "missing" in newest && `Debian's vrf carries no route over: ${newest.missing}` },
  async (t) => {
    const vrf = { type: "vrf", vrfname: "blue" };
    for (const [routes, seen] of [
      [[{ dst: "0.0.0.0/0", scope: 0 }], /^default dev eth0\s*$/m],
      [undefined, /^$/],
    ] as const) {
      await lab.ok(`${setUp}; inside wire ip route add 10.1.0.0/24 via 192.168.1.250`);
      const l3 = { ...ipvlan, mode: "l3", ipam: { subnets: [{ subnet: "10.1.0.0/24" }], routes } };
      const result = await chain("ADD", [l3, vrf], "c1");
      t.match(await lab.ok("ip -n c1 route show vrf blue default"), seen);
      if (routes !== undefined) {
        await chain("CHECK", [l3, vrf], "c1", result);
        await lab.ok("inside c1 ping -nqc1 -w5 -I blue 192.168.1.1; inside wire ping -nqc1 -w5 10.1.0.2");
      }
      await chain("DEL", [l3, vrf], "c1", result);
      await nothingLeft(t, lab);
    }
  },
);

t.test(
  "bandwidth passes the result on; rates it refuses, since an ipvlan has no veth's end on the host to shape",
  async (t) => {
    const bandwidth = (rates: object) => ({ type: "bandwidth", runtimeConfig: { bandwidth: rates } });
    await lab.ok(setUp);
    const result = await chain("ADD", [ipvlan, bandwidth({})], "c1");
    t.match(result, { interfaces: [{ name: "eth0", sandbox: "/run/netns/c1" }], ips: [{ address: "192.168.1.2/24" }] });
    await chain("DEL", [ipvlan, bandwidth({})], "c1", result);
    const rates = bandwidth({ ingressRate: 8_000_000, ingressBurst: 8_000_000 });
    await t.rejects(chain("ADD", [ipvlan, rates], "c1"), { message: /ADD of bandwidth: [\s\S]*no veth peer/ });
    // As the runtime then does.
    await chain("DEL", [ipvlan, rates], "c1");
    t.equal(await lab.ok("ip -n c1 -o link show type ipvlan; on h1 tc qdisc show dev eth0 | grep -v noqueue || :"), "");
    await nothingLeft(t, lab);
  },
);

t.test(
  "as the second of a chain, ipvlan without master stands on the interface before it and takes its addresses",
  async (t) => {
    await lab.ok(setUp);
    const first = {
      cniVersion: "1.0.0",
      interfaces: [{ name: "eth0" }],
      ips: [{ address: "192.168.1.77/24", gateway: "192.168.1.1" }],
      routes: [{ dst: "0.0.0.0/0", gw: "192.168.1.1" }],
    };
    const config = { cniVersion: "1.0.0", name: "net1", type: "ipvlan", prevResult: first };
    const result = await lab.add({ netns: "c1", config });
    t.match(result, {
      interfaces: [{ name: "eth0" }, { name: "eth0", sandbox: "/run/netns/c1" }],
      ips: [{ address: "192.168.1.77/24", interface: 1 }],
    });
    t.match(
      await lab.ok("ip -n c1 addr show eth0; ip -n c1 route; inside c1 ping -c1 -W2 192.168.1.1"),
      "default via 192.168.1.1 dev eth0",
    );
    await lab.del({ netns: "c1", config });
    await nothingLeft(t, lab);
  },
);

t.test("with an ipam of its own, ipvlan passes on what the chain has, and checks its own part of it", async (t) => {
  await lab.ok(setUp);
  const before = {
    cniVersion: "1.0.0",
    interfaces: [{ name: "eth0" }],
    ips: [{ address: "10.7.0.1/24", gateway: "10.7.0.254", interface: 0 }],
    routes: [{ dst: "10.0.0.0/8", gw: "10.7.0.254" }],
    dns: { nameservers: ["10.7.0.53"] },
  };
  const config = { ...ipvlan, cniVersion: "1.0.0", name: "net1" };
  const prevResult = await lab.add({ netns: "c1", config: { ...config, prevResult: before } });
  const own = { address: "192.168.1.2/24", gateway: "192.168.1.1", interface: 1 };
  t.strictSame(prevResult.ips, [before.ips[0], own]);
  t.strictSame(prevResult.routes, [before.routes[0], { dst: "0.0.0.0/0", gw: "192.168.1.1" }]);
  t.match(prevResult, { interfaces: [{ name: "eth0" }, { name: "eth0", sandbox: "/run/netns/c1" }], dns: before.dns });
  t.notMatch(await lab.ok("ip -n c1 addr; ip -n c1 route"), "10.7.0", "what is another's is not in the container");
  const check = { command: "CHECK", netns: "c1", config: { ...config, prevResult } } as const;
  t.equal((await lab.call(check)).stdout, "");
  await lab.ok("ip -n c1 route del default");
  t.match((await lab.call(check)).json, { code: 107, msg: /0\.0\.0\.0\/0 via 192\.168\.1\.1 is gone/ });
  await lab.del({ netns: "c1", config: { ...config, prevResult } });
  await nothingLeft(t, lab);
});

t.test(
  "linkInContainer without a parent: the link of the container's default route, in ADD, CHECK and DEL",
  async (t) => {
    await lab.ok(`${setUp}; ip -n c1 link add d0 type dummy; ip -n c1 link set d0 up
    ip -n c1 addr add 192.0.2.1/24 dev d0; ip -n c1 route add default via 192.0.2.2`);
    const { master: _, ...withoutMaster } = ipvlan;
    const config = { ...withoutMaster, cniVersion: "1.0.0", name: "net1", linkInContainer: true };
    const prevResult = await lab.add({ netns: "c1", config });
    t.match(
      await lab.ok("ip -n c1 -d link show eth0; ip -n c1 route"),
      /eth0@d0: [\s\S]*default via 192\.0\.2\.2 dev d0/,
    );
    t.equal((await lab.call({ command: "CHECK", netns: "c1", config: { ...config, prevResult } })).stdout, "");
    await lab.del({ netns: "c1", config });
    t.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "");
    await nothingLeft(t, lab);
  },
);

t.test("linkInContainer: the parent is the container's own link, in ADD, CHECK and DEL", async (t) => {
  await lab.ok(`${setUp}; ip -n c1 link add d0 type dummy; ip -n c1 link set d0 up`);
  const config = { ...ipvlan, cniVersion: "1.0.0", name: "net1", master: "d0", linkInContainer: true };
  const prevResult = await lab.add({ netns: "c1", config });
  t.match(await lab.ok("ip -n c1 -d link show eth0"), /eth0@d0: [\s\S]*ipvlan {2}mode l2 bridge/);
  t.equal((await lab.call({ command: "CHECK", netns: "c1", config: { ...config, prevResult } })).stdout, "");
  await lab.del({ netns: "c1", config });
  t.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "");
  t.match(await lab.ok("ip -n c1 link show d0"), "d0");
  await nothingLeft(t, lab);
});
