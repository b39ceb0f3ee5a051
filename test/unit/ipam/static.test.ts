import t from "tap";
import { formatAddress, formatPrefix, type Prefix, parsePrefix } from "../../../src/ip/address.ts";
import { errorOf, network } from "./lib/network.ts";

const configured = {
  type: "static",
  addresses: [{ address: "10.1.2.3/24", gateway: "10.1.2.1" }, { address: "2001:db8::3/64" }],
  routes: [{ dst: "10.9.0.0/16", gw: "10.1.2.9" }],
  dns: { nameservers: ["192.0.2.1"], domain: "example" },
};
const net = network("/nowhere", "n", configured);
// static has no dataDir; the reference takes no notice of the key.
const ipam = (raw: object, config: object = {}) =>
  network("/nowhere", "n", {}).ipam("a", { config: { ipam: raw, ...config } });

t.test("addresses, gateways, routes and dns as configured", async (t) => {
  const { addresses, routes, dns } = ipam(configured).add();
  t.strictSame(
    addresses.map(({ address, gateway }) => [formatPrefix(address), gateway && formatAddress(gateway)]),
    [
      ["10.1.2.3/24", "10.1.2.1"],
      ["2001:db8::3/64", undefined],
    ],
  );
  t.equal(routes.length, 1);
  t.match(dns, { nameservers: ["192.0.2.1"], domain: "example" });
});

t.test("the runtime's addresses take the place of the configured ones", async (t) => {
  const runtimeConfig = { ips: ["10.1.2.77/24"] };
  const { addresses } = ipam(configured, { runtimeConfig }).add();
  t.strictSame(
    addresses.map(({ address }) => formatPrefix(address)),
    ["10.1.2.77/24"],
  );
});

t.test("nothing is kept, so there is nothing to free", async (t) => {
  const one = ipam(configured);
  t.doesNotThrow(() => one.del());
  t.doesNotThrow(() => one.gc([]));
  t.doesNotThrow(() => one.status());
  t.ok(net);
});

t.test("CHECK wants the gateway that is configured", async (t) => {
  const result = (gateway: string | undefined) => ({
    interfaces: [],
    ips: [
      {
        address: parsePrefix("10.1.2.3/24") as Prefix,
        gateway: gateway === undefined ? undefined : (parsePrefix(`${gateway}/32`) as Prefix).address,
      },
    ],
    routes: [],
    dns: {},
  });
  t.doesNotThrow(() => ipam(configured).check(result("10.1.2.1")));
  t.match(
    errorOf(() => ipam(configured).check(result("10.1.2.2"))),
    { code: 107, message: /gateway of 10\.1\.2\.3 is not 10\.1\.2\.1/ },
  );
  t.equal(errorOf(() => ipam(configured).check(result(undefined))).code, 107);
});

t.test("chained without ipam: the addresses, routes and dns of the plugin before", async (t) => {
  const prevResult = {
    cniVersion: "1.0.0",
    interfaces: [{ name: "eth0", sandbox: "/run/netns/x" }],
    ips: [{ address: "10.5.0.9/24", gateway: "10.5.0.1", interface: 0 }],
    routes: [{ dst: "0.0.0.0/0" }],
    dns: { domain: "example" },
  };
  const one = network("/nowhere", "n", {}).ipam("a", {
    ifname: "net1",
    config: { ipam: undefined, master: undefined, prevResult },
  });
  const { addresses, routes, dns } = one.add();
  t.strictSame(
    addresses.map(({ address, gateway }) => [formatPrefix(address), gateway && formatAddress(gateway)]),
    [["10.5.0.9/24", "10.5.0.1"]],
  );
  t.equal(routes.length, 1);
  t.equal(dns?.domain, "example");
  for (const work of [() => one.del(), () => one.gc([]), () => one.status(), () => one.check(prevResult as never)]) {
    t.doesNotThrow(work);
  }
});
