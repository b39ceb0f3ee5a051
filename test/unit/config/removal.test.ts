import fc from "fast-check";
import t from "tap";
import { parseForRemoval } from "../../../src/config/removal.ts";
import { refusal } from "../cni/lib/refusal.ts";
import { context } from "./lib/parsing.ts";

const parse = (value: object) =>
  parseForRemoval(JSON.stringify({ cniVersion: "1.1.0", name: "n", ...value }), { ...context, command: "DEL" });

t.test("what DEL and GC need", async (t) => {
  const { parent, ...others } = parse({ cniVersion: "0.4.0", master: "eth0.10", linkInContainer: true });
  t.strictSame(parent(), { kind: "named", name: "eth0.10", vlan: { base: "eth0", vid: 10 } });
  t.strictSame(others, {
    cniVersion: "0.4.0",
    name: "n",
    ipam: { type: "builtin", dataDir: "/var/lib/cni/networks" },
    linkInContainer: true,
    hostAccess: false,
  });
});

t.test("where addresses are to be given back", async (t) => {
  for (const [ipam, expected] of [
    [
      { subnets: [], dataDir: "/state" },
      { type: "builtin", dataDir: "/state" },
    ],
    [{ type: "host-local" }, { type: "host-local", dataDir: "/var/lib/cni/networks" }],
    [
      { type: "host-local", dataDir: "/state", ranges: [] },
      { type: "host-local", dataDir: "/state" },
    ],
    [{ type: "static", addresses: "none" }, { type: "static" }],
    [{ type: "dhcp" }, { type: "delegate", plugin: "dhcp" }],
    [{ type: "" }, { type: "builtin", dataDir: "/var/lib/cni/networks" }],
    ["nonsense", { type: "builtin", dataDir: "/var/lib/cni/networks" }],
    [{ type: "../../bin/sh" }, { type: "builtin", dataDir: "/var/lib/cni/networks" }],
  ] as const) {
    t.strictSame(parse({ ipam }).ipam, expected, JSON.stringify(ipam));
  }
});

t.test("nothing that they do not need can fail", async (t) => {
  for (const value of [
    { mode: "l9" },
    { mtu: "x", vlan: 9999, flag: 5 },
    { ipam: { subnets: [{ subnet: "nonsense" }], colour: 1 } },
    { cniVersion: "9.0.0" },
    { cniVersion: 5 },
    { prevResult: "gone" },
    { prevResult: { ips: [{}] } },
    { dns: 5, runtimeConfig: [], args: "x" },
    { master: "lo" },
    { master: 5 },
    { master: { defaultRoute: "x" } },
    { master: "eth0", parent: "eth1" },
  ]) {
    t.equal(parse(value).name, "n", JSON.stringify(value));
  }
  for (const master of ["lo", 5, "a name that is too long", { subnet: 5 }]) {
    t.equal(parse({ master }).parent(), undefined, JSON.stringify(master));
  }
});

t.test("only what is no JSON and a network without a name are refused", async (t) => {
  for (const [text, code] of [
    ["", 6],
    ["{", 6],
    ["[]", 6],
    ["{}", 7],
    ['{"name": ""}', 7],
    ['{"name": "../x"}', 7],
    ['{"name": 5}', 7],
  ] as const) {
    t.equal(refusal(() => parseForRemoval(text, context)).code, code, text);
  }
});

t.test("any object with a name is enough", async () => {
  const keys = fc.constantFrom(
    ..."master parent mode vlan internal mtu linkInContainer ipam dns prevResult cniVersion".split(" "),
  );
  fc.assert(
    fc.property(fc.dictionary(keys, fc.jsonValue()), (value) => {
      const text = JSON.stringify({ ...value, name: "n" });
      return parseForRemoval(text, context).name === "n";
    }),
  );
});

t.test("the parent of a chained attachment, from the whole chain's result", async (t) => {
  const interfaces = [{ name: "bond0" }, { name: "eth0", sandbox: context.netns }];
  t.strictSame(parse({ prevResult: { interfaces } }).parent(), { kind: "chained", name: "bond0" });
  t.strictSame(parse({ prevResult: { interfaces: interfaces.slice(1) } }).parent(), { kind: "dummy", name: "di-n" });
  const text = JSON.stringify({ name: "n", cniVersion: "1.1.0", prevResult: { interfaces } });
  const late = parseForRemoval(text, { command: "DEL", args: "", netns: "", ifname: "eth0" });
  t.strictSame(late.parent(), { kind: "chained", name: "bond0" }, "the namespace is gone");
});
