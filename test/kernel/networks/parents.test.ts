// Which link a network's parent is, what is made, what is refused, and what goes away again.
import t from "tap";
import { hash64 } from "../../../src/hash.ts";
import type { Call } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const lab = await openLab();

/** As long as an alternative name can be. */
const longName = `uplink-${"of-the-rack-".repeat(10)}`;

/** Links of every kind, for one who looks for a parent. */
await lab.ok(`
  host h1
  container peer c1 c2 c3
  cable h1 eth0 peer eth0
  cable h1 eth1 peer eth1
  ip -n h1 -batch - <<'END'
addr add 192.168.1.250/24 dev eth0
addr add 10.0.0.5/8 dev eth1
addr add 2001:db8:1::5/64 dev eth1 nodad
link add down0 type dummy
link add port0 up type dummy
link add br0 up type bridge
link set port0 master br0
link add slave0 type dummy
link add bond0 type bond
link set slave0 master bond0
link add lower0 up type dummy
link add macvlan0 link lower0 up type macvlan
link add lower1 up type dummy
link add ipvlan0 link lower1 up type ipvlan
link add averylongname0 up type dummy
link add link eth0 name foo40 up type vlan id 40
link add link eth0 name eth1.44 up type vlan id 45
link add link eth1 name eth1.46 up type vlan proto 802.1ad id 46
link add eth1.47 up type dummy
link add di-taken up type bridge
link property add dev eth0 altname uplink7
link property add dev eth0 altname ${longName}
END`);

const network = (keys: object, name = "net1") => ({
  cniVersion: "1.1.0",
  name,
  type: "ipvlan",
  ipam: { subnets: [{ subnet: "192.168.7.0/24" }, { subnet: "2001:db8:7::/64" }] },
  ...keys,
});
const add = (keys: object, call: Partial<Call> = {}): Call => ({ netns: "c1", config: network(keys), ...call });

/** The host's links; the operational state of a new one becomes known some time later. */
const links = "ip -n h1 -o link | sed 's/ state [A-Z]*//'";

/** [what is refused, keys of the configuration, code, message] */
const refusals: [string, object, number, RegExp][] = [
  ["lo", { master: "lo" }, 7, /"lo" cannot be a parent/],
  ["a link that does not exist", { master: "eth7" }, 100, /parent eth7 does not exist, and its name is not BASE\.VID/],
  ["a link that is down", { master: "down0" }, 100, /parent down0 .*it is down: ip link set down0 up/],
  ["a VLAN whose base does not exist", { master: "eth7.5" }, 100, /there is no link eth7 for VLAN 5/],
  ["a VLAN whose base is down", { master: "down0.5" }, 100, /parent down0 .*it is down: ip link set down0 up/],
  ["VID 0", { master: "eth0.0" }, 100, /eth0\.0 does not exist.* a VLAN id is a number from 1 to 4094/],
  ["VID 4095", { master: "eth0.4095" }, 100, /eth0\.4095 .* a VLAN id is a number from 1 to 4094/],
  ["a name that not even an alternative name can be", { master: "n".repeat(128) }, 7, /128 bytes, .* takes 127/],
  ["a VLAN that has another name", { master: "eth0.40" }, 100, /VLAN 40 on eth0 exists under another name, foo40:/],
  ["the same by key", { master: "eth0", vlan: 40 }, 100, /VLAN 40 on eth0 exists under another name, foo40:/],
  [
    "a VLAN whose name another VLAN has",
    { master: "eth1", vlan: 44 },
    100,
    /parent eth1\.44 .*it is not VLAN 44 of eth1 but VLAN 45 of eth0/,
  ],
  ["a provider's VLAN of the same id", { master: "eth1", vlan: 46 }, 100, /parent eth1\.46 .*not VLAN 46 of eth1 but/],
  ["a VLAN whose name a dummy has", { master: "eth1", vlan: 47 }, 100, /not VLAN 47 of eth1 but a dummy/],
  ["a port of a bridge", { master: "port0" }, 100, /port0 .*it is a port of a bridge; use the bridge itself/],
  ["a port of a bond", { master: "slave0" }, 100, /slave0 .*it is a port of a bond; use the bond itself/],
  ["the lower device of a macvlan", { master: "lower0" }, 100, /lower0 .*lower device of the macvlan macvlan0/],
  ["an ipvlan", { master: "ipvlan0" }, 100, /ipvlan0 .*it is an ipvlan interface itself/],
  ["a dummy parent's name that another link has", { name: "taken" }, 100, /di-taken .*this one is bridge/],
  [
    "no address in the subnet",
    { master: { subnet: "172.16.0.0/12" } },
    100,
    /no link has an address in 172\.16\.0\.0\/12/,
  ],
  [
    "two links with an address in the subnet",
    { master: { subnet: "0.0.0.0/0" } },
    100,
    /lo, eth0, eth1 have an address in/,
  ],
];

t.test("a parent that cannot be is refused in words, and nothing is made", async (t) => {
  await lab.ok(`${links} > /tmp/lab/before`);
  const answers = await lab.together(refusals.map(([, keys]) => add(keys)));
  for (const [index, [what, , code, msg]] of refusals.entries()) t.match(answers[index]?.json, { code, msg }, what);
  t.equal(await lab.ok(`${links} | diff /tmp/lab/before - || true; ip -n c1 -o link show type ipvlan`), "");
  await nothingLeft(t, lab);
});

t.test("STATUS says what ADD would say", async (t) => {
  const keys = [{ master: "port0" }, { master: "lower0" }, { master: "lower1" }, { master: "eth0.10" }];
  const answers = await lab.together(keys.map((one) => add(one, { command: "STATUS" })));
  t.match(
    answers.map(({ json }) => json),
    [
      { code: 50, msg: /port of a bridge/ },
      { code: 50, msg: /macvlan macvlan0/ },
      { code: 50, msg: /in use as l3 bridge by the link ipvlan0/ },
      undefined,
    ],
  );
});

const shortName = (vid: number) => `vl-${hash64("averylongname0").slice(0, 7)}.${vid}`;

/** [what, keys, the link that the container's interface must lie on, whether the plugin makes it] */
const choices: [string, object, string, boolean][] = [
  ["Docker's key", { parent: "eth1" }, "eth1", false],
  ["an alternative name", { master: "uplink7" }, "eth0", false],
  ["a long alternative name", { master: longName }, "eth0", false],
  ["a VLAN on an alternative name", { master: longName, vlan: 11 }, "eth0.11", true],
  ["the same as BASE.VID", { master: "uplink7.12" }, "eth0.12", true],
  ["a VLAN on a base of a long name", { master: "averylongname0", vlan: 100 }, shortName(100), true],
  ["the same as BASE.VID", { master: "averylongname0.4094" }, shortName(4094), true],
  ["a link by name, whatever it is", { master: "eth1.44" }, "eth1.44", false],
  ["the default route", { master: { defaultRoute: "ipv4" } }, "eth0", false],
  ["an address in a subnet", { master: { subnet: "10.0.0.0/8" } }, "eth1", false],
  ["an IPv6 address in a subnet", { master: { subnet: "2001:db8:1::/64" } }, "eth1", false],
  ["BASE.VID", { master: "eth1.7" }, "eth1.7", true],
  ["the key vlan on the default route's link", { master: { defaultRoute: "ipv4" }, vlan: 10 }, "eth0.10", true],
  ["a macvlan", { master: "macvlan0" }, "macvlan0", false],
  ["a VLAN made by hand", { master: "foo40" }, "foo40", false],
  ["a VLAN in a VLAN", { master: "foo40.5" }, "foo40.5", true],
];

t.test("a parent is found, or made, on each node", async (t) => {
  await lab.ok(`ip -n h1 route add default via 192.168.1.1; ${links} > /tmp/lab/before`);
  // All in one container, under names and subnets of their own.
  const calls = choices.map(([, keys], index): Call => {
    const ipam = { subnets: [{ subnet: `10.7.${index}.0/24` }] };
    return { netns: "c1", ifname: `net${index}`, config: { ...network(keys, `net${index}`), ipam } };
  });
  for (const { code, stdout } of await lab.together(calls)) t.equal(code, 0, stdout);
  const seen = (await lab.ok("ip -n h1 -o link show; ip -n c1 -o link show type ipvlan")).split("\n");
  for (const [index, [what, , parent, made]] of choices.entries()) {
    const link = seen.find((line) => line.includes(` ${parent}: `) || line.includes(` ${parent}@`)) ?? "";
    const lower = seen.find((line) => line.includes(` net${index}@if`)) ?? "";
    t.equal(/@if(\d+)/.exec(lower)?.[1], /^\d+/.exec(link)?.[0], `${what}: on ${parent}`);
    t.equal(link.includes("alias made by ipvlan-cni"), made, `${what}: ${made ? "made" : "there before"}`);
  }
  for (const { code, stdout } of await lab.together(calls.map((call) => ({ ...call, command: "DEL" })))) {
    t.equal(code, 0, stdout);
  }
  t.equal(await lab.ok(`${links} | diff /tmp/lab/before - || true`), "", "the links are what they were");
  await nothingLeft(t, lab);
});

t.test("containers of several networks share a sub-interface, which goes with the last of them", async (t) => {
  const ipam = { subnets: [{ subnet: "192.168.8.0/24" }] };
  const other = add({ master: "eth0.10", name: "net2", ipam }, { netns: "c2" });
  const first = add({ master: "eth0.10" });
  for (const { code, stdout } of await lab.together([first, other])) t.equal(code, 0, stdout);
  await lab.del(first);
  t.match(await lab.ok("ip -n h1 -o link show eth0.10; ip -n c2 -o link show eth0"), / eth0@if/);
  await lab.del(other);
  await nothingLeft(t, lab);
});

t.test("a parent is one, under each of its names", async (t) => {
  await lab.add(add({ master: "eth0" }));
  const answer = await lab.call(add({ master: "uplink7", mode: "l3" }, { netns: "c2" }));
  t.match(answer.json, { code: 101, msg: /parent eth0 is in use as l2 bridge by container c1/ });
  await lab.del(add({ master: "eth0" }));
  await nothingLeft(t, lab);
});

t.test("an ADD under an interface name that another network has fails and leaves that one whole", async (t) => {
  const first = add({ master: "eth0.10" });
  await lab.add(first);
  const answer = await lab.call(add({ master: "eth0.10", name: "net2" }));
  t.match(answer.json, { code: 102, msg: /eth0 exists already/ });
  const conflict = await lab.call(add({ master: "eth0.10", mode: "l3" }, { netns: "c2" }));
  t.match(conflict.json, { code: 101 }, "its record is there");
  t.match(await lab.ok("ip -n h1 -o link show eth0.10; ip -n c1 -o link show eth0"), / eth0@if/);
  await lab.del(first);
  await nothingLeft(t, lab);
});

t.test("a sub-interface of ours on which something else stands stays until that is gone", async (t) => {
  const outer = add({ master: "eth0.10" });
  const inner = add({ master: "eth0.10.20", name: "net2" }, { netns: "c2" });
  await lab.add(outer);
  await lab.add(inner);
  await lab.del(outer);
  t.match(
    await lab.ok("ip -n c2 -o link show eth0; ip -n h1 -o link show eth0.10"),
    / eth0@if/,
    "the inner VLAN lives",
  );
  await lab.del(inner);
  const gc = { ...network({ master: "eth0" }), "cni.dev/valid-attachments": [] };
  await lab.calls([{ command: "GC", config: gc }]);
  await nothingLeft(t, lab);
});

t.test(
  "linkInContainer: the parent is the container's, and a sub-interface made there is taken away there",
  async (t) => {
    await lab.ok("cable c3 up0 peer up0");
    const call = add({ master: "up0.10", linkInContainer: true }, { netns: "c3" });
    await lab.add(call);
    const seen = await lab.ok("ip -n c3 -o link show up0.10; ip -n c3 -o link show eth0; ip -n h1 -o link show");
    t.match(seen, /made by ipvlan-cni[\s\S]* eth0@up0\.10: /);
    t.notMatch(seen, / up0\.10@[\s\S]* up0\.10@/, "not on the host");
    await lab.del(call);
    t.equal(await lab.ok("ip -n c3 -o link show type vlan; ip -n c3 -o link show type ipvlan"), "");
    const failed = await lab.call(add({ master: "up0.10", linkInContainer: true, mtu: 9000 }, { netns: "c3" }));
    t.match(failed.json, { code: 7, msg: /mtu 9000 is larger/ });
    t.equal(await lab.ok("ip -n c3 -o link show type vlan"), "", "a failed ADD leaves none, either");
    await nothingLeft(t, lab);
  },
);

/** [what, what `ip -batch` on the host is told, the keys of the parent, the link that is the parent or the refusal] */
const defaultRoutes: [string, string, object, string | RegExp][] = [
  ["none", "", { master: { defaultRoute: "ipv4" } }, /no link has an IPv4 default route/],
  ["none of either family", "", { master: "" }, /no link has a default route, of IPv4 or IPv6/],
  [
    "the lowest metric, which is listed last",
    "route add default via 192.168.1.1 metric 200\nroute add default via 10.0.0.1 metric 100",
    { master: { defaultRoute: "ipv4" } },
    "eth1",
  ],
  [
    "the same by the reference plugin's rule",
    "route add default via 192.168.1.1 metric 200\nroute add default via 10.0.0.1 metric 100",
    { master: "" },
    "eth1",
  ],
  [
    "IPv6's, also by metric",
    "route add default via 2001:db8:1::1 metric 100\nroute add default via 2001:db8:2::1 metric 50",
    { master: { defaultRoute: "ipv6" } },
    "eth0",
  ],
  [
    "IPv6's where IPv4 has none, by the reference plugin's rule",
    "route add default via 2001:db8:1::1",
    { master: "" },
    "eth1",
  ],
  ["IPv6's is not IPv4's", "route add default via 2001:db8:1::1", { master: { defaultRoute: "ipv4" } }, /no link/],
  [
    "several next hops",
    "route add default nexthop via 192.168.1.1 nexthop via 10.0.0.1",
    { master: { defaultRoute: "ipv4" } },
    /eth0, eth1 share an IPv4 default route, one is needed/,
  ],
  [
    "several next hops over one link",
    "route add default nexthop via 10.0.0.1 nexthop via 10.0.0.2",
    { master: { defaultRoute: "ipv4" } },
    "eth1",
  ],
  [
    "an unreachable route before it",
    "route add default via 192.168.1.1 metric 200\nroute add unreachable default metric 100",
    { master: { defaultRoute: "ipv4" } },
    /IPv4 default route that the kernel takes is no way out/,
  ],
  [
    "an unreachable route behind it",
    "route add default via 192.168.1.1 metric 200\nroute add unreachable default metric 300",
    { master: { defaultRoute: "ipv4" } },
    "eth0",
  ],
  [
    "another table to which a rule leads",
    "route add default via 192.168.1.1\nroute add default via 10.0.0.1 table 77\nrule add pref 100 lookup 77",
    { master: { defaultRoute: "ipv4" } },
    "eth1",
  ],
  [
    "the main table's, by the reference plugin's rule",
    "route add default via 192.168.1.1\nroute add default via 10.0.0.1 table 77\nrule add pref 100 lookup 77",
    { master: "" },
    "eth0",
  ],
  [
    "halves of the address space laid over it, as VPNs do",
    "route add default via 192.168.1.1\nroute add 0.0.0.0/1 via 10.0.0.1\nroute add 128.0.0.0/1 via 10.0.0.1",
    { master: { defaultRoute: "ipv4" } },
    "eth0",
  ],
  [
    "a next hop that is an object of its own",
    "nexthop add id 7 via 10.0.0.1 dev eth1\nroute add default nhid 7",
    { master: { defaultRoute: "ipv4" } },
    "eth1",
  ],
];

t.test("the default route is the one that the kernel would take", async (t) => {
  await lab.ok("ip -n h1 route flush default; ip -n h1 addr add 2001:db8:2::5/64 dev eth0 nodad");
  const found: (readonly [string, unknown])[] = [];
  for (const [what, script, keys, expected] of defaultRoutes) {
    await lab.ok(`printf '%s\n' "${script}" | ip -n h1 -batch -`);
    const call = add(keys, { ifname: "net0" });
    const answer = await lab.call(call);
    if (typeof expected === "string") {
      const seen = await lab.ok(`ip -n h1 -o link show dev ${expected}; ip -n c1 -o link show dev net0`);
      t.equal(/ net0@if(\d+)/.exec(seen)?.[1], /^\d+/.exec(seen)?.[0], `${what}: ${answer.stdout}`);
      await lab.del(call);
    } else t.match(answer.json, { code: 100, msg: expected }, what);
    found.push([what, answer.json]);
    await lab.ok(`
      ip -n h1 route flush table 77 2>/dev/null || true
      ip -n h1 rule del pref 100 2>/dev/null || true
      for route in default 0.0.0.0/1 128.0.0.0/1; do
        while ip -n h1 route del $route 2>/dev/null; do :; done
        while ip -n h1 -6 route del $route 2>/dev/null; do :; done
      done
      ip -n h1 nexthop flush > /dev/null 2>&1 || true`);
  }
  await nothingLeft(t, lab);
});

t.test("a member of a VRF carries containers; in l3s the kernel lets nothing in, and a warning says so", async (t) => {
  await lab.ok(`
    cable h1 up1 peer up1
    ip -n h1 -batch - <<'END'
link add red up type vrf table 10
link set up1 master red
addr add 172.30.0.1/24 dev up1
END
    ip -n peer -batch - <<'END'
addr add 172.30.0.2/24 dev up1
route add 172.31.0.0/16 via 172.30.0.1
END
    on h1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'`);
  for (const [mode, subnet] of [
    ["l2", "172.30.0.128/25"],
    ["l3", "172.31.1.0/24"],
    ["l3s", "172.31.2.0/24"],
  ]) {
    const ipam = { subnets: [{ subnet, ...(mode === "l2" ? { gateway: "172.30.0.129" } : {}) }] };
    const call = add({ master: "up1", mode, ipam });
    const { code, stdout, stderr } = await lab.call(call);
    t.equal(code, 0, stdout);
    await lab.ok("ip -n c1 route replace 172.30.0.0/24 dev eth0");
    const pinged = await lab.sh("inside c1 ping -nq -c 1 -w 3 172.30.0.2");
    t.equal(pinged.code === 0, mode !== "l3s", `${mode}: ${pinged.stdout}`);
    t.equal(/up1 is in a VRF, .* in mode l3s:/.test(stderr), mode === "l3s", stderr);
    await lab.del(call);
  }
  await nothingLeft(t, lab);
});

t.test("the dummy of an isolated network has the MTU that the network is to have", async (t) => {
  const call = add({ internal: true, mtu: 9000 });
  const result = await lab.add(call);
  t.equal(result.interfaces[0].mtu, 9000);
  t.match(await lab.ok("ip -n h1 -o link show di-net1"), / mtu 9000 /);
  t.match((await lab.call(add({ internal: true, mtu: 9001 }, { netns: "c2" }))).json, {
    code: 7,
    msg: /mtu 9001 is larger than the parent's: di-net1 has 9000/,
  });
  await lab.del(call);
  await nothingLeft(t, lab);
});

t.test("a sub-interface of ours that was renamed by hand is used, and goes with its last container", async (t) => {
  const first = add({ master: "eth0", vlan: 10 });
  const second = add({ master: "eth0.10" }, { netns: "c2" });
  await lab.add(first);
  await lab.ok("ip -n h1 link set eth0.10 down; ip -n h1 link set eth0.10 name lan10; ip -n h1 link set lan10 up");
  t.strictSame(
    (
      await lab.calls([
        { ...first, command: "STATUS" },
        { ...second, command: "STATUS" },
      ])
    ).map(({ stdout }) => stdout),
    ["", ""],
  );
  t.match((await lab.call(add({ master: "lan10", mode: "l3" }, { netns: "c2" }))).json, {
    code: 101,
    msg: /container c1/,
  });
  await lab.add(second);
  t.equal((await lab.ok("ip -n h1 -d -o link show type vlan | grep -c 'eth0: .* id 10 '")).trim(), "1");
  await lab.del(first);
  await lab.del(second);
  await nothingLeft(t, lab);

  // One that somebody else made under another name: STATUS says so, as ADD does.
  const foreign = add({ master: "eth0.40" });
  const [status, refused] = await lab.calls([{ ...foreign, command: "STATUS" }, foreign]);
  for (const answer of [status, refused])
    t.match(answer?.json, { msg: /VLAN 40 on eth0 exists under another name, foo40/ });
});

t.test("a link of ours that somebody else has begun to use stays, with a warning, until that ends", async (t) => {
  const uses: [string, string, string, RegExp][] = [
    [
      "an address",
      "ip -n h1 addr add 172.29.0.1/24 dev eth0.10",
      "ip -n h1 addr flush dev eth0.10",
      /has the address 172\.29\.0\.1\/24/,
    ],
    [
      "an IPv6 address",
      "ip -n h1 addr add fd00::1/64 dev eth0.10 nodad",
      "ip -n h1 addr flush dev eth0.10",
      /has the address fd00::1\/64/,
    ],
    [
      "a link on it",
      "ip -n h1 link add link eth0.10 name mv0 type dummy; ip -n h1 link add link eth0.10 name q0 type vlan id 5",
      "ip -n h1 link del q0; ip -n h1 link del mv0",
      /q0 stands on it/,
    ],
    [
      "the same, by /sys",
      "on h1 mount -t sysfs sysfs /sys; ip -n h1 link add link eth0.10 name q0 type vlan id 5",
      "ip -n h1 link del q0",
      /q0 stands on it/,
    ],
    ["a VRF", "ip -n h1 link set eth0.10 master red", "ip -n h1 link set eth0.10 nomaster", /is a port of red/],
  ];
  const call = add({ master: "eth0.10" });
  for (const [what, use, end, warning] of uses) {
    await lab.add(call);
    await lab.ok(use);
    const answer = await lab.call({ ...call, command: "DEL" });
    t.strictSame([answer.code, answer.stdout], [0, ""], what);
    t.match(answer.stderr, warning, what);
    t.equal((await lab.sh("ip -n h1 link show eth0.10")).code, 0, `${what}: it is there`);
    await lab.ok(end);
    await lab.add(call);
    await lab.del(call);
    await nothingLeft(t, lab);
  }
});

t.test("two hosts that share /run do not take their parents for one", async (t) => {
  // A node in a namespace of its own, by the same files.
  await lab.ok("container h2 d1; : > /run/hosts/h2; mount --bind /run/hosts/h1 /run/hosts/h2; cable h2 eth0 peer eth2");
  const here = add({ master: "eth0.10" });
  const there = add({ master: "eth0.10", mode: "l3" }, { netns: "d1", host: "h2" });
  await lab.add(here);
  await lab.add(there);
  const seen = await lab.ok("for c in c1 d1; do ip -n $c -d -o link show eth0; done");
  t.match(seen, /mode l2[\s\S]*mode l3/);
  // Each one's GC is about its own containers.
  const gc = { ...network({ master: "eth0.10" }), "cni.dev/valid-attachments": [] };
  t.equal((await lab.call({ command: "GC", host: "h2", config: gc })).stdout, "");
  t.match(await lab.ok("ip -n c1 -o link show eth0; ip -n h1 -o link show eth0.10"), / eth0@/);
  t.equal(await lab.ok("ip -n d1 -o link show type ipvlan; ip -n h2 -o link show type vlan"), "");
  await lab.del(here);
  await nothingLeft(t, lab, ["h1", "h2"]);
});
