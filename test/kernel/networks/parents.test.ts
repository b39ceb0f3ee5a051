// Which link a network's parent is, what is made, what is refused, and what goes away again.
import t from "tap";
import type { Call } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const lab = await openLab();

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
link add di-taken up type bridge
link property add dev eth0 altname uplink7
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
  ["a name that is too long", { master: "averylongname0.100" }, 7, /18 bytes, and the kernel takes 15/],
  ["a VLAN that has another name", { master: "eth0.40" }, 100, /VLAN 40 on eth0 exists under another name/],
  ["a port of a bridge", { master: "port0" }, 100, /port0 .*it is a port of a bridge; use the bridge itself/],
  ["a port of a bond", { master: "slave0" }, 100, /slave0 .*it is a port of a bond; use the bond itself/],
  ["the lower device of a macvlan", { master: "lower0" }, 100, /lower0 .*lower device of the macvlan macvlan0/],
  ["an ipvlan", { master: "ipvlan0" }, 100, /ipvlan0 .*it is an ipvlan interface itself/],
  ["a dummy parent's name that another link has", { name: "taken" }, 100, /di-taken .*this one is bridge/],
  ["no default route", { master: { defaultRoute: "ipv6" } }, 100, /no link has an IPv6 default route/],
  [
    "two default routes",
    { master: { defaultRoute: "ipv4" } },
    100,
    /eth0, eth1 have an IPv4 default route, one is needed/,
  ],
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
  await lab.ok(`
    ip -n h1 route add default via 192.168.1.1
    ip -n h1 route add default via 10.0.0.1 metric 100
    ${links} > /tmp/lab/before`);
  const answers = await lab.together(refusals.map(([, keys]) => add(keys)));
  for (const [index, [what, , code, msg]] of refusals.entries()) t.match(answers[index]?.json, { code, msg }, what);
  t.equal(await lab.ok(`${links} | diff /tmp/lab/before - || true; ip -n c1 -o link show type ipvlan`), "");
  await nothingLeft(t, lab);
  await lab.ok("ip -n h1 route del default via 10.0.0.1");
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

/** [what, keys, the link that the container's interface must lie on, whether the plugin makes it] */
const choices: [string, object, string, boolean][] = [
  ["Docker's key", { parent: "eth1" }, "eth1", false],
  ["an alternative name", { master: "uplink7" }, "eth0", false],
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
  await lab.ok(`${links} > /tmp/lab/before`);
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
