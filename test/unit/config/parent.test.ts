import t from "tap";
import { dummyName } from "../../../src/config/dummy-name.ts";
import { parseVlanName } from "../../../src/config/parent.ts";
import { hash64 } from "../../../src/hash.ts";
import { parse, readable, refuse } from "./lib/parsing.ts";

const parentOf = (value: object): unknown => readable(parse(value).parent);

t.test("a link by name", async (t) => {
  t.strictSame(parentOf({ master: "eth0" }), { kind: "named", name: "eth0" });
  t.strictSame(parentOf({ master: "my-uplink" }), { kind: "named", name: "my-uplink" });
});

t.test("BASE.VID says which sub-interface to make if the link is missing", async (t) => {
  t.strictSame(parentOf({ master: "eth0.10" }), { kind: "named", name: "eth0.10", vlan: { base: "eth0", vid: 10 } });
  t.strictSame(parseVlanName("a.1"), { base: "a", vid: 1 });
  t.strictSame(parentOf({ parent: "enp3s0.f1.4094" }), {
    kind: "named",
    name: "enp3s0.f1.4094",
    vlan: { base: "enp3s0.f1", vid: 4094 },
  });
});

t.test("names that only look like BASE.VID are names", async (t) => {
  for (const name of [
    "eth0.0",
    "eth0.4095",
    "eth0.010",
    "eth0.x",
    "eth0.",
    ".10",
    "eth0.1e1",
    "eth0.+1",
    "eth0.99999",
    "..1",
  ]) {
    t.equal(parseVlanName(name), undefined, name);
  }
});

t.test("vlan is a sub-interface of the link that master names, whatever it is called", async (t) => {
  for (const [master, vlan] of [
    ["eth0", 10],
    ["br.lan", 1],
    ["eth0.10", 20],
    ["an-alternative-name-of-a-link", 4094],
  ] as const) {
    t.strictSame(parentOf({ master, vlan }), { kind: "vlan", vlan: { base: master, vid: vlan } });
  }
});

t.test("a parent may be named by an alternative name, which has up to 127 bytes", async (t) => {
  const longest = "n".repeat(127);
  t.strictSame(parentOf({ master: longest }), { kind: "named", name: longest });
  t.strictSame(parentOf({ parent: `${"n".repeat(120)}.10` }), {
    kind: "named",
    name: `${"n".repeat(120)}.10`,
    vlan: { base: "n".repeat(120), vid: 10 },
  });
});

t.test("names that the kernel refuses", async (t) => {
  for (const [name, pointer] of [
    ["n".repeat(128), "/master"],
    ["ü".repeat(64), "/master"],
    ["a/b", "/master"],
    ["a b", "/master"],
    ["a:1", "/master"],
    ["..", "/master"],
    [".", "/master"],
  ] as const) {
    const error = refuse({ master: name });
    t.strictSame([error.code, error.details], [7, pointer], error.message);
    t.equal(refuse({ parent: name }).details, "/parent");
  }
});

t.test("the loopback interface is no parent", async (t) => {
  for (const value of [{ master: "lo" }, { parent: "lo" }, { master: "lo.10" }, { master: "lo", vlan: 10 }]) {
    t.match(refuse(value).message, '"lo" cannot be a parent');
  }
  t.doesNotThrow(() => parse({ master: "lo0" }));
});

t.test("two different parents are refused, the same one twice is not", async (t) => {
  const error = refuse({ master: "eth0", parent: "eth1" });
  t.strictSame([error.code, error.details], [7, "/parent"]);
  t.match(error.message, /"eth1" and master "eth0"/);
  t.equal(refuse({ master: { defaultRoute: "ipv4" }, parent: "eth1" }).details, "/parent");
});

t.test("a link picked on each node", async (t) => {
  t.strictSame(parentOf({ master: { defaultRoute: "ipv4" } }), { kind: "defaultRoute", family: 4 });
  t.strictSame(parentOf({ master: { defaultRoute: "ipv6" }, vlan: 7 }), { kind: "defaultRoute", family: 6, vlan: 7 });
  t.strictSame(parentOf({ master: { subnet: "192.168.1.0/24" } }), { kind: "subnet", subnet: "192.168.1.0/24" });
  t.strictSame(parentOf({ master: { subnet: "fd00::/8" }, vlan: 7 }), { kind: "subnet", subnet: "fd00::/8", vlan: 7 });
});

t.test("a link is picked in exactly one way", async (t) => {
  for (const [master, details] of [
    [{}, "/master"],
    [{ defaultRoute: "ipv4", subnet: "10.0.0.0/8" }, "/master"],
    [{ defaultRoute: "ipv5" }, "/master/defaultRoute"],
    [{ subnet: "10.0.0.1/8" }, "/master/subnet"],
    [{ subnet: "eth0" }, "/master/subnet"],
  ] as const) {
    const error = refuse({ master });
    t.strictSame([error.code, error.details], [7, details], error.message);
  }
});

t.test("internal networks have a dummy, whatever parent is named", async (t) => {
  for (const value of [
    { internal: true },
    { internal: true, master: "eth0" },
    { internal: true, master: "eth0", vlan: 5 },
  ]) {
    const { parent, isolated } = parse(value);
    t.strictSame(readable([parent, isolated]), [{ kind: "dummy", name: "di-n" }, true]);
  }
  t.equal(parse({ internal: false, master: "eth0" }).isolated, false);
});

t.test("a dummy is named for its network", async (t) => {
  t.equal(dummyName("isolated1"), "di-isolated1");
  t.equal(dummyName("twelve-chars"), "di-twelve-chars");
  t.match(dummyName("thirteen-char"), /^di-[0-9a-f]{12}$/);
  t.not(dummyName("a-long-network-name-1"), dummyName("a-long-network-name-2"));
});

t.test("the hash is FNV-1a, so that names stay what they are", async (t) => {
  // Test vectors of the authors, http://www.isthe.com/chongo/src/fnv/test_fnv.c.
  t.equal(hash64(""), "cbf29ce484222325");
  t.equal(hash64("a"), "af63dc4c8601ec8c");
  t.equal(hash64("foobar"), "85944171f73967e8");
});

t.test("what needs a parent says so", async (t) => {
  t.strictSame(refuse({ vlan: 10 }).details, "/vlan");
  t.match(refuse({ vlan: 10 }).message, 'vlan needs "master"');
});

t.test(
  "linkInContainer without a parent: the link of the container's default route, as the reference plugin",
  async (t) => {
    t.strictSame(parentOf({ linkInContainer: true }), { kind: "defaultRoute" });
  },
);

t.test("an empty master, as Podman writes it: the link of the default route, as the reference plugin", async (t) => {
  t.strictSame(parentOf({ master: "" }), { kind: "defaultRoute" });
  t.strictSame(parentOf({ master: "", parent: "eth0" }), { kind: "named", name: "eth0" });
  t.strictSame(parentOf({ master: "", internal: true }), { kind: "dummy", name: "di-n" });
});
