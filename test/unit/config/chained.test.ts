import t from "tap";
import { parse, readable, refuse } from "./lib/parsing.ts";

const netns = "/run/netns/blue";
const host = { name: "bond0", mac: "00:11:22:33:44:55" };
const inside = { name: "net0", sandbox: netns };
const own = { name: "eth0", sandbox: netns };
const ips = [{ address: "10.1.0.5/16", gateway: "10.1.0.1", interface: 0 }];
const chained = (interfaces: object[], more: object = {}): object => ({ prevResult: { interfaces, ips }, ...more });

t.test("the previous plugin's only interface is the parent", async (t) => {
  const config = parse(chained([host]));
  t.strictSame(config.parent, { kind: "chained", name: "bond0" });
  t.strictSame([config.linkInContainer, config.isolated], [false, false]);
  t.strictSame(readable(config.prevResult?.ips), [{ address: "10.1.0.5/16", gateway: "10.1.0.1", interface: 0 }]);
});

t.test("of several interfaces, the only one in a container", async (t) => {
  t.strictSame(parse(chained([host, inside])).parent, { kind: "chained", name: "net0" });
});

t.test("an interface in the container is looked up there, unless the configuration says otherwise", async (t) => {
  t.equal(parse(chained([inside])).linkInContainer, true);
  t.equal(parse(chained([inside], { linkInContainer: false })).linkInContainer, false);
  t.equal(parse(chained([host], { linkInContainer: true })).linkInContainer, true);
});

t.test("no or several interfaces: name the parent", async (t) => {
  for (const interfaces of [
    [],
    [host, { name: "bond1" }],
    [inside, { name: "net1", sandbox: netns }],
    [{ name: "" }],
  ]) {
    const error = refuse(chained(interfaces));
    t.strictSame([error.code, error.details], [7, "/prevResult/interfaces"]);
    t.match(error.message, 'set "master"');
  }
});

t.test("the previous plugin's interface becomes a parent only under a name that a link can have", async (t) => {
  for (const name of ["../../../etc/cron.d/x", "..", "a/b", "eth%d", "all", "sixteen-letters-"]) {
    const error = refuse(chained([{ name: "", sandbox: netns }, { name }]));
    t.strictSame([error.code, error.details], [7, "/prevResult/interfaces/1/name"], error.message);
    t.equal(
      parse(chained([{ name }], { master: "eth1" })).prevResult?.interfaces[0]?.name,
      name,
      "else it is passed on",
    );
  }
});

t.test("a named parent and internal come before the chain", async (t) => {
  t.strictSame(parse(chained([host], { master: "eth1" })).parent.kind, "named");
  t.strictSame(parse(chained([host], { internal: true })).parent, { kind: "dummy", name: "di-n" });
});

t.test("without ipam, the previous plugin's addresses are used", async (t) => {
  t.strictSame(parse(chained([host])).ipam, { type: "previous" });
  t.strictSame(parse(chained([host], { ipam: {} })).ipam, { type: "previous" });
  t.strictSame(parse(chained([host], { master: "eth1" })).ipam, { type: "previous" });
});

t.test("an ipam of its own, or a previous plugin without addresses: not the previous ones", async (t) => {
  t.equal(parse(chained([host], { ipam: { subnets: [{ subnet: "10.0.0.0/24" }] } })).ipam.type, "builtin");
  t.equal(parse({ prevResult: { interfaces: [host] } }).ipam.type, "builtin");
});

t.test("a previous result of 0.2.0 has no interfaces", async (t) => {
  const value = { cniVersion: "0.2.0", prevResult: { ip4: { ip: "10.1.0.5/16" } } };
  t.equal(refuse(value).details, "/prevResult/interfaces");
  t.equal(parse({ ...value, master: "eth0" }).ipam.type, "previous");
});

t.test("CHECK has the whole chain's result: what stands before our interface came before us", async (t) => {
  const check = (interfaces: object[], more: object = {}) => parse(chained(interfaces, more), { command: "CHECK" });
  const later = { name: "ifb0" };
  t.strictSame(check([own]).parent, { kind: "dummy", name: "di-n" }, "an isolated network, first in its chain");
  t.strictSame(check([own, later]).parent, { kind: "dummy", name: "di-n" }, "a later plugin's interface is no parent");
  t.equal(check([own]).ipam.type, "builtin");
  t.strictSame(check([host, own]).parent, { kind: "chained", name: "bond0" });
  t.strictSame(check([host, own, later]).ipam, { type: "previous" });
  t.equal(check([own], { master: "eth1" }).ipam.type, "builtin");
  t.equal(
    check([{ ...own, sandbox: "/other" }, own], {}).parent.kind,
    "chained",
    "another container's eth0 is not ours",
  );
});
