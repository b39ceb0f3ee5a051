// What happens to a node while containers have host access: what goes on by itself, what CHECK says, and what mends it.
import t from "tap";
import { at } from "../../../build/paths.ts";
import { hostArch, nodeBinary } from "../../../build/runtimes.ts";
import { pluginPath } from "../lib/lab.ts";
import { nothingLeft } from "../lib/open-lab.ts";
import { addressesOf, both, type Mode, modes, openLan, pod } from "./lib/lan.ts";

const lan = await openLan();
const { lab } = lan;
const node = ["192.168.50.11", "fd50::11"];

/** What the command line does for all containers of a host at once. */
const restore = `${nodeBinary(hostArch)} --no-warnings ${at("test/kernel/reach/lib/restore.ts")}`;

await lan.sh("serve h1 p1 p2 p3");

const network = (mode: Mode, more: object = {}) => ({
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  mode,
  hostAccess: true,
  ipam: { subnets: [{ subnet: "10.244.1.0/24" }, { subnet: "fd44::1:0/112" }] },
  ...more,
});

/** What the plugin may have on h1 besides records and reservations. */
const inKernel = `
  ip -n h1 -o link show type ipvlan
  ip -n h1 rule | grep -v -e 'lookup local' -e 'lookup main' -e 'lookup default' || true
  ip -n h1 route show table all proto 86; ip -n h1 -6 route show table all proto 86
  on h1 nft list tables | grep ipvlan-cni || true`;

const nothing = async (test: Parameters<typeof nothingLeft>[0]) => {
  test.equal(await lan.sh(inKernel), "", "nothing is left in the kernel");
  await nothingLeft(test, lab);
};

for (const mode of ["l2", "l3s"] as const) {
  t.test(`${mode}: the host's address flushed and put back, the parent down and up, another MAC`, async (t) => {
    const config = network(mode);
    const result = await lab.add(pod("p1", config));
    const own = addressesOf(result);
    const check = async () => (await lan.check("p1", config, result)).json?.msg;
    const reached = async (what: string) => {
      t.strictSame(await lan.ask("h1", both(own, ["tcp"])), both(own, ["tcp"], node), `host to container: ${what}`);
      t.strictSame(await lan.ask("p1", both(node, ["tcp"])), both(node, ["tcp"], own), `and back: ${what}`);
    };
    await lan.sh("ip -n h1 addr flush dev eth0 scope global");
    t.match(
      await check(),
      /^the host has no address 192\.168\.50\.11 any more, which its packets to .* come from: give it back to eth0/,
    );
    const addresses = `
      ip -n h1 addr add 192.168.50.11/24 dev eth0; ip -n h1 addr replace fd50::11/64 dev eth0 nodad
      ip -n h1 route replace default via 192.168.50.1; ip -n h1 route replace default via fd50::1`;
    await lan.sh(addresses);
    await reached("after its address was gone");
    t.equal(await check(), undefined);

    await lan.sh(`ip -n h1 link set eth0 down; ip -n h1 link set eth0 up; ip -n h1 addr replace fd50::11/64 dev eth0 nodad
      ip -n h1 route replace default via 192.168.50.1; ip -n h1 route replace default via fd50::1`);
    await reached("after the parent was down");
    t.equal(await check(), undefined);

    const before = (await lan.sh("ip -n h1 -o link show eth0")).match(/ether (\S+)/)?.[1];
    await lan.sh("ip -n h1 link set eth0 address 02:00:00:00:50:99");
    if (mode === "l3s") await reached("after another MAC");
    else t.strictSame(await lan.ask("p1", both(node, ["tcp"]), 1), both(node, ["tcp"], ["-", "-"]));
    t.match(
      await check(),
      `interface eth0 has MAC 02:00:00:00:50:99, not ${before}: the container must be attached again`,
    );
    await lab.del(pod("p1", config));
    const again = await lab.add(pod("p1", config));
    t.strictSame(await lan.ask("p1", both(node, ["tcp"])), both(node, ["tcp"], addressesOf(again)), "attached again");
    t.equal((await lan.check("p1", config, again)).stdout, "");
    await lab.del(pod("p1", config));
    await lan.sh(`ip -n h1 link set eth0 address ${before}`);
    await nothing(t);
  });
}

t.test(
  "CHECK finds each piece that is missing or changed, with its mend; all of them are put back at once",
  async (t) => {
    const config = network("l2", { hostAddresses: ["169.254.20.10"] });
    const result = await lab.add(pod("p1", config));
    const other = network("l2", { name: "net2", ipam: { subnets: [{ subnet: "10.244.3.0/24" }] } });
    await lab.add(pod("p2", other));
    const [v4, v6] = addressesOf(result);
    const check = async () => (await lan.check("p1", config, result)).json?.msg;
    const again = "the container must be attached again (DEL, then ADD)";
    // Mends that are one command.
    for (const [damage, message] of [
      ["link set ivh2 arp on", "the host's link ivh2 answers ARP: ip link set ivh2 arp off"],
      [
        "rule del pref 30086",
        "the rule for the host's routes to containers is gone: ip rule add pref 30086 lookup 86 protocol kernel",
      ],
    ] as const) {
      await lan.sh(`ip -n h1 ${damage}`);
      t.equal(await check(), message, damage);
      await lan.sh(`on h1 ${message.replace(/.*: /, "")}`);
      t.equal(await check(), undefined, `after ${message.replace(/.*: /, "")}`);
    }
    const translation =
      "the nf_tables rule is gone that gives translated connections over ivh2 the source 192.168.50.11";
    await lan.sh("on h1 nft flush ruleset");
    t.equal(await check(), `${translation}: the next ADD on eth0 puts it back`);
    await lab.add(pod("p3", other));
    t.equal(await check(), undefined, "after an ADD of another network on the parent");

    // One upon the other, what CHECK looks at last first.
    for (const [damage, message] of [
      ["on h1 nft flush ruleset", `${translation}: the next ADD on eth0 puts it back`],
      [
        "ip -n p1 neigh del 169.254.1.1 dev eth0",
        `the container's next hop 169.254.1.1 to the host lacks the hardware address of eth0, which was changed: ${again}`,
      ],
      ["ip -n h1 rule del pref 30086", /^the rule for the host's routes to containers is gone/],
      [`ip -n h1 -6 route del ${v6}`, `the host's route to ${v6} over ivh2 is gone: ${again}`],
      ["ip -n h1 route flush table 86", `the host's route to ${v4} over ivh2 is gone: ${again}`],
      [
        "ip -n h1 addr add 192.168.50.11/32 dev ivh2",
        "the host's link ivh2 has got an address: ip addr del 192.168.50.11/32 dev ivh2, with which the kernel removes the " +
          `routes over it, and ${again}`,
      ],
      ["ip -n h1 link set ivh2 arp on", /^the host's link ivh2 answers ARP/],
      ["ip -n h1 link set ivh2 down", `the host's link ivh2 was set down, and its routes went with that: ${again}`],
      ["ip -n h1 link del ivh2", `the host's link ivh2 on eth0 is gone: ${again}`],
    ] as const) {
      await lan.sh(damage);
      t.match(await check(), message, damage);
    }
    t.equal(await lan.sh(`on h1 ${restore}`), "");
    t.equal(await check(), undefined, "all of it is put back");
    const own = addressesOf(result);
    t.strictSame(await lan.ask("h1", both(own, ["tcp"])), both(own, ["tcp"], node));
    t.strictSame(await lan.ask("p1", both(node, ["tcp"])), both(node, ["tcp"], own));
    await lab.del(pod("p1", config));
    for (const name of ["p2", "p3"]) await lab.del(pod(name, other));
    await nothing(t);
  },
);

t.test("strict reverse path filtering in l2: ADD and STATUS say what mends it, or the plugin does it", async (t) => {
  await lan.sh("on h1 sysctl -qw net.ipv4.conf.eth0.rp_filter=1");
  const config = network("l2");
  const message =
    "reverse path filtering of eth0 is strict, which drops what containers send to this host in mode l2: " +
    'sysctl -w net.ipv4.conf.eth0.rp_filter=2, or "setRpFilter": true and the plugin does it';
  const refused = await lab.calls([pod("p1", config), { ...pod("p1", config), command: "STATUS" }]);
  t.match(
    refused.map(({ json }) => json),
    [
      { code: 108, msg: message },
      { code: 50, msg: message },
    ],
  );
  await nothing(t);
  const setting = network("l2", { setRpFilter: true });
  t.equal((await lab.call({ ...pod("p1", setting), command: "STATUS" })).stdout, "");
  const answer = await lab.call(pod("p1", setting));
  t.match(answer.stderr, "net.ipv4.conf.eth0.rp_filter was 1 (strict) and is 2 (loose) now");
  const own = addressesOf(answer.json);
  t.strictSame(await lan.ask("h1", both(own, ["tcp"])), both(own, ["tcp"], node));
  await lan.sh("on h1 sysctl -qw net.ipv4.conf.eth0.rp_filter=1");
  t.match((await lan.check("p1", setting, answer.json)).json, { code: 107, msg: message });
  await lab.del(pod("p1", setting));
  // The other modes do without.
  for (const mode of ["l3", "l3s"] as const) {
    const reached = addressesOf(await lab.add(pod("p1", network(mode))));
    t.strictSame(await lan.ask("h1", both(reached, ["tcp"])), both(reached, ["tcp"], node), mode);
    t.strictSame(await lan.ask("p1", both(node, ["tcp"])), both(node, ["tcp"], reached), mode);
    await lab.del(pod("p1", network(mode)));
  }
  await lan.sh("on h1 sysctl -qw net.ipv4.conf.eth0.rp_filter=0");
  await nothing(t);
});

t.test("addresses of the host on other links, and routers that announce themselves", async (t) => {
  // On lo a global one, which is the source of all that says no other; on a dummy a node-local DNS.
  await lan.sh(`
    ip -n h1 addr add 203.0.113.9/32 dev lo; ip -n h1 addr add fd99::1/128 dev lo
    ip -n h1 link add dns0 type dummy; ip -n h1 link set dns0 up
    ip -n h1 addr add 169.254.20.10/32 dev dns0; ip -n h1 addr add fd98::10/128 dev dns0
    inside gw dnsmasq --conf-file=/dev/null --port=0 --enable-ra --dhcp-range=fd77::,ra-only --interface=eth0 --ra-param=eth0,4,600 --pid-file=/tmp/lab/dnsmasq`);
  for (const mode of modes) {
    const config = network(mode, { hostAddresses: ["169.254.20.10", "fd98::10", "203.0.113.9"] });
    const result = await lab.add(pod("p1", config));
    const own = addressesOf(result);
    const [v4 = "", v6 = ""] = own;
    t.strictSame(
      await lan.ask("p1", both([...node, "169.254.20.10", "fd98::10", "203.0.113.9"], ["tcp"])),
      both([...node, "169.254.20.10", "fd98::10", "203.0.113.9"], ["tcp"], [v4, v6, v4, v6, v4]),
      `${mode}: the container reaches them`,
    );
    t.strictSame(
      await lan.ask("h1", both(own, ["tcp"])),
      both(own, ["tcp"], node),
      `${mode}: the host speaks as the node`,
    );
    t.equal((await lan.check("p1", config, result)).stdout, "");
    if (mode === "l2") await lan.sh("sleep 5");
    t.equal(
      await lan.sh(
        "ip -n h1 -o addr show dev ivh$(ip -n h1 -o link show eth0 | cut -d: -f1); ip -n h1 -6 route show default | grep ivh || true",
      ),
      "",
    );
    await lab.del(pod("p1", config));
    await nothing(t);
  }
  await lan.sh(`kill $(cat /tmp/lab/dnsmasq)
    ip -n h1 link del dns0; ip -n h1 addr del 203.0.113.9/32 dev lo; ip -n h1 addr del fd99::1/128 dev lo`);
});

t.test("DEL and GC need neither namespace, nor result, nor record", async (t) => {
  const config = network("l3s");
  const gone = { ...pod("p1", config), netns: undefined, id: "p1" };
  const bare = { name: "net1", cniVersion: "1.1.0", type: "ipvlan", hostAccess: true };
  for (const call of [gone, { ...gone, config: { name: "net1", cniVersion: "1.1.0", type: "ipvlan" } }]) {
    await lab.add(pod("p1", config));
    await lab.del(call as never);
    t.equal(await lan.sh(inKernel), "", "without a namespace");
    await lan.sh("ip -n p1 link del eth0 2> /dev/null || true");
    await lab.del(call as never);
  }
  // The records are lost, and the container with its interface.
  await lab.add(pod("p1", config));
  await lab.add(pod("p2", config));
  await lan.sh("on h1 rm -r /run/ipvlan-cni/networks /run/ipvlan-cni/parents; ip -n p1 link del eth0");
  await lab.del({ ...gone, config: bare } as never);
  const left = await lan.sh("ip -n h1 route show table 86 | wc -l; ip -n h1 -6 route show proto 86 | wc -l");
  t.equal(left, "1\n1\n", "what is the owner's goes by its metric, and nothing else");
  // A DEL never came. Another network's containers are none of this GC's business.
  const others = network("l3s", { name: "net2", ipam: { subnets: [{ subnet: "10.244.9.0/24" }] } });
  const third = addressesOf(await lab.add(pod("p3", others)));
  await lan.sh("ip -n p2 link del eth0");
  const collect = {
    host: "h1",
    command: "GC" as const,
    netns: undefined,
    config: { ...config, "cni.dev/valid-attachments": [] },
  };
  t.equal((await lab.call(collect as never)).stdout, "");
  t.match(await lan.sh("ip -n h1 route show table 86"), new RegExp(`^${third[0]} dev ivh2 .*\n$`));
  t.strictSame(await lan.ask("h1", both(third, ["tcp"])), both(third, ["tcp"], node));
  await lab.del(pod("p3", others));
  await nothing(t);
});

t.test("a reboot: nothing in the kernel and on the tmpfs, the reservations on disk", async (t) => {
  for (const mode of modes) {
    const config = network(mode);
    const results = [await lab.add(pod("p1", config)), await lab.add(pod("p2", config))];
    await lan.sh(`
      ip -n p1 link del eth0; ip -n p2 link del eth0; ip -n h1 link del ivh2
      ip -n h1 route flush table 86 2> /dev/null || true; ip -n h1 rule del pref 30086
      on h1 nft flush ruleset; on h1 find /run/ipvlan-cni -mindepth 1 -delete`);
    t.match((await lan.check("p1", config, results[0])).json, {
      code: 107,
      msg: /interface eth0 .*(is gone|does not exist|not there)/,
    });
    // The runtime takes away what it knew, and begins anew.
    await lab.del(pod("p1", config));
    const own = addressesOf(await lab.add(pod("p1", config)));
    t.strictSame(await lan.ask("h1", both(own, ["tcp"])), both(own, ["tcp"], node), `${mode}: host to container`);
    t.strictSame(await lan.ask("p1", both(node, ["tcp"])), both(node, ["tcp"], own), `${mode}: and back`);
    for (const name of ["p1", "p2"]) await lab.del(pod(name, config));
    await nothing(t);
  }
});

t.test("a parent that is made for the network, one without an address, an isolated one", async (t) => {
  for (const [mode, keys] of [
    ["l2", { vlan: 7 }],
    ["l3s", { vlan: 7 }],
    ["l2", { master: undefined }],
    ["l3", { internal: true }],
  ] as const) {
    const config = network(mode, keys);
    const own = addressesOf(await lab.add(pod("p1", config)));
    t.strictSame(await lan.ask("h1", both(own, ["tcp", "udp"])), both(own, ["tcp", "udp"], node), "host to container");
    t.strictSame(await lan.ask("p1", both(node, ["tcp", "udp"])), both(node, ["tcp", "udp"], own), "and back");
    await lab.del(pod("p1", config));
    await nothing(t);
  }
});

t.test("a failed ADD leaves nothing, a container that ended without DEL keeps nobody from another mode", async (t) => {
  const config = network("l2");
  const failed = await lan
    .sh(`
    cat > /tmp/lab/full <<'END'
#!/bin/sh
exec ${pluginPath} > /dev/full
END
    chmod +x /tmp/lab/full`)
    .then(() => lab.call({ ...pod("p1", config), plugin: "/tmp/lab/full" }));
  t.equal(failed.code, 1);
  await nothing(t);
  t.match((await lab.call(pod("p1", network("l2", { linkInContainer: true })))).json, {
    code: 7,
    details: "/hostAccess",
  });
  await lab.add(pod("p1", config));
  const refused = await lab.call(pod("p2", network("l3s")));
  t.match(refused.json, { code: 101, msg: /in use as l2 bridge by container p1/ });
  await lan.sh("ip -n p1 link del eth0");
  const own = addressesOf(await lab.add(pod("p2", network("l3s", { name: "net2" }))));
  t.strictSame(await lan.ask("h1", both(own, ["tcp"])), both(own, ["tcp"], node));
  await lab.del(pod("p2", network("l3s", { name: "net2" })));
  await lab.del(pod("p1", config));
  await nothing(t);
});
