import t from "tap";
import { editDistance, nearest } from "../../../src/config/did-you-mean.ts";
import { knownKeys } from "../../../src/config/keys.ts";
import { parse, parseWithWarnings, poolWarning, refuse } from "./lib/parsing.ts";

const warningsOf = (value: object): readonly string[] => parseWithWarnings(value).warnings;

t.test("an unknown key that is close to one of ours is passed over with a warning", async (t) => {
  for (const [key, meant, value] of [
    ["falg", "flag"],
    ["ipvlan_flags", "ipvlan_flag"],
    ["ipams", "ipam"],
    ["dn", "dns"],
    ["mtus", "mtu"],
    ["capabilites", "capabilities"],
    // Values that the key which they look like would not take.
    ["node", "mode", "worker-1"],
    ["interval", "internal", 10],
    ["lan", "vlan", "office"],
    ["vlanTrunk", "vlan", [{ minID: 1, maxID: 9 }]],
    ["masters", "master", ["eth0"]],
  ] as const) {
    const given = value ?? "x";
    const { config, warnings } = parseWithWarnings({ [key]: given });
    t.strictSame(warnings, [
      `unknown key "${key}" (value ${JSON.stringify(given)}) is passed over; did you mean "${meant}"?`,
    ]);
    t.strictSame(config, parse({}));
  }
});

t.test("an unknown key that is close to one that decides where the container is attached is an error", async (t) => {
  for (const [key, meant, value] of [
    ["mater", "master", "eth0"],
    ["mastr", "master", { defaultRoute: "ipv4" }],
    ["masterInterface", "master", "eth0"],
    ["parrent", "parent", "eth0"],
    ["parent_interface", "parent", "eth0"],
    ["vlanId", "vlan", 10],
    ["vlan_id", "vlan", 10],
    ["VLAN-ID", "vlan", "10"],
    ["vlanTag", "vlan", 10],
    ["vid", "vlan", 10],
    ["vlans", "vlan", 10],
    ["intrnal", "internal", true],
    ["internals", "internal", false],
    ["linkInContaner", "linkInContainer", true],
    ["link_in_container", "linkInContainer", true],
    ["mod", "mode", "l3"],
    ["mdoe", "mode", "L3S"],
    ["ipvlanMode", "ipvlan_mode", "l3"],
    ["ipvlan-mode", "ipvlan_mode", "l3"],
  ] as const) {
    const error = refuse({ [key]: value, name: "n" });
    t.strictSame([error.code, error.details], [2, `/${key}`], error.message);
    t.ok(
      error.message.startsWith(`unknown key "${key}" (value ${JSON.stringify(value)}): did you mean "${meant}"?`),
      key,
    );
  }
  t.strictSame(warningsOf({ mater: null }), [], "null is absent");
});

t.test("of any number of unknown keys 200 are looked at", async (t) => {
  const many = Array.from({ length: 10_000 }, (_, i) => [`m${String.fromCodePoint(0x4e00 + i)}de`, i]);
  t.equal(warningsOf(Object.fromEntries(many)).length, 200);
});

t.test("keys of the specification, of libcni and of other plugins are no slips of the pen", async (t) => {
  for (const key of [
    ..."cniVersions type capabilities ipMasq disableCheck disableGC loadOnlyInlinedPlugins".split(" "),
    ..."bridge promiscMode sysctl hairpinMode device vrfname isGateway link".split(" "),
    ..."cni.dev/valid-attachments cni.dev/mode logLevel kubeconfig delegates anything _comment".split(" "),
  ]) {
    const value = key === "type" ? "x" : key === "capabilities" ? {} : [];
    t.strictSame(warningsOf({ [key]: value }), [], key);
  }
});

t.test("args may hold anything: what is not understood is passed over", async (t) => {
  const args = { labels: [{ key: "app", value: null }], mode: 7, cni: { ips: ["192.168.1.5"], master: {} } };
  const { config, warnings } = parseWithWarnings({ args });
  t.strictSame(warnings, []);
  t.strictSame(config, parse({ args: { cni: { ips: ["192.168.1.5"] } } }));
});

t.test("another case is read as ours, as the reference plugin does, with a warning", async (t) => {
  const { config, warnings } = parseWithWarnings({ Master: "eth0", MODE: "l3", MTU: 1400 });
  t.strictSame(config, parse({ master: "eth0", mode: "l3", mtu: 1400 }));
  t.strictSame(warnings, [
    'key "Master" is read as "master": write it so',
    'key "MODE" is read as "mode": write it so',
    'key "MTU" is read as "mtu": write it so',
  ]);
  const both = parseWithWarnings({ Mode: "l3", mode: "l2" });
  t.equal(both.config.mode, "l2", "ours comes first");
  t.strictSame(both.warnings, ['key "Mode" is passed over: "mode" is there, too']);
});

t.test("edits: change, take out, put in, swap neighbours", async (t) => {
  for (const [a, b, distance] of [
    ["", "", 0],
    ["mode", "", 4],
    ["mode", "mode", 0],
    ["mode", "MODE", 0],
    ["mode", "made", 1],
    ["mode", "mde", 1],
    ["mode", "moode", 1],
    ["mode", "mdoe", 1],
    ["master", "mastre", 1],
    ["kitten", "sitting", 3],
  ] as const) {
    t.equal(editDistance(a, b), distance, `${a} to ${b}`);
    t.equal(editDistance(b, a), distance, `${b} to ${a}`);
  }
});

t.test("the nearest candidate is within two edits and not half another word", async (t) => {
  t.equal(nearest("mastersx", knownKeys), "master");
  t.equal(nearest("mastersxy", knownKeys), undefined);
  t.equal(nearest("max", ["mtu"]), undefined, "two of mtu's three letters differ");
  t.equal(nearest("", knownKeys), undefined);
});

t.test("a hardware address is passed over with a warning, in whatever way it is asked for", async (t) => {
  const mac = "02:00:00:00:00:01";
  for (const [place, value, args] of [
    ["mac", { mac }],
    ["mac", { mac: 5 }],
    ["runtimeConfig.mac", { runtimeConfig: { mac } }],
    ["args.cni.mac", { args: { cni: { mac } } }],
    ["CNI_ARGS MAC", {}, `IgnoreUnknown=1;MAC=${mac}`],
  ] as const) {
    const { config, warnings } = parseWithWarnings(value, { args: args ?? "" });
    t.strictSame(warnings, [`${place} is passed over: an ipvlan has its parent's hardware address`]);
    t.strictSame(config, parse({}));
  }
  t.strictSame(warningsOf({ mac: "", runtimeConfig: { mac: null } }), []);
});

t.test("a default pool on a parent's own network is warned of: nobody else there knows it", async (t) => {
  for (const value of [
    { master: "eth0" },
    { parent: "eth0.10" },
    { master: "" },
    { master: "eth0", ipam: { routes: [{ dst: "10.0.0.0/8" }] } },
  ]) {
    t.match(warningsOf(value), [poolWarning], JSON.stringify(value));
  }
  for (const value of [
    {},
    { master: "eth0", internal: true },
    { master: "eth0", mode: "l3" },
    { master: "eth0", ipam: { subnets: [{ subnet: "2001:db8::/64" }] } },
    { master: "eth0", ipam: { subnets: [{ subnet: "10.0.0.0/24" }] } },
    { master: "eth0", ipam: { subnets: [{ subnet: "2001:db8::/64" }], ipv4: false } },
    { master: "eth0", ipam: { type: "dhcp" } },
  ]) {
    t.strictSame(warningsOf(value), [], JSON.stringify(value));
  }
});
