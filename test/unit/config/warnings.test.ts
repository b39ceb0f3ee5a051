import t from "tap";
import { editDistance, nearest } from "../../../src/config/did-you-mean.ts";
import { ourKeys } from "../../../src/config/keys.ts";
import { parse, parseWithWarnings } from "./lib/parsing.ts";

const warningsOf = (value: object): readonly string[] => parseWithWarnings(value).warnings;

t.test("an unknown key that is close to one of ours is passed over with a warning", async (t) => {
  for (const [key, meant] of [
    ["mastr", "master"],
    ["amster", "master"],
    ["masters", "master"],
    ["parrent", "parent"],
    ["mod", "mode"],
    ["modes", "mode"],
    ["ipvlanmode", "ipvlan_mode"],
    ["ipvlan_flags", "ipvlan_flag"],
    ["intrnal", "internal"],
    ["linkInContaner", "linkInContainer"],
    ["falg", "flag"],
    ["vlans", "vlan"],
    ["ipams", "ipam"],
    ["dn", "dns"],
  ] as const) {
    const { config, warnings } = parseWithWarnings({ [key]: "x" });
    t.strictSame(warnings, [`unknown key "${key}" (value "x") is passed over; did you mean "${meant}"?`]);
    t.strictSame(config, parse({}));
  }
});

t.test("keys of the specification, of libcni and of other plugins are no slips of the pen", async (t) => {
  for (const key of [
    ..."cniVersions type capabilities ipMasq disableCheck disableGC loadOnlyInlinedPlugins plugins".split(" "),
    ..."mac bridge promiscMode sysctl vlanId vlanTrunk hairpinMode device vrfname isGateway link".split(" "),
    ..."cni.dev/valid-attachments cni.dev/mode logLevel kubeconfig delegates anything _comment".split(" "),
  ]) {
    const value = key === "type" ? "x" : key === "capabilities" ? {} : [];
    t.strictSame(warningsOf({ [key]: value }), [], key);
  }
});

t.test("args may hold anything: what is not understood is passed over", async (t) => {
  const args = { labels: [{ key: "app", value: "web" }], mode: 7, cni: { ips: ["192.168.1.5"], master: {} } };
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
  t.equal(parseWithWarnings({ Mode: "l3", mode: "l2" }).config.mode, "l2", "ours comes first");
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
  t.equal(nearest("mastersx", ourKeys), "master");
  t.equal(nearest("mastersxy", ourKeys), undefined);
  t.equal(nearest("mac", ourKeys), undefined, "two of mtu's three letters differ");
  t.equal(nearest("", ourKeys), undefined);
});
