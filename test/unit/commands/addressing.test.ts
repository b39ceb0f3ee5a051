// The mode's rules over what an IPAM gives: gateways and routes.
import t from "tap";
import { planAddressing } from "../../../src/commands/addressing.ts";
import { parseNetworkConfig } from "../../../src/config/parse.ts";
import { formatAddress, formatPrefix, type Prefix, parseAddress, parsePrefix } from "../../../src/ip/address.ts";
import type { Allocation } from "../../../src/ipam/ipam.ts";

interface Given {
  /** ADDRESS/LENGTH, or that and GATEWAY. */
  readonly addresses: readonly string[];
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[];
  readonly subnets?: readonly string[];
}

const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;

function plan(keys: object, { addresses, routes = [], subnets = [] }: Given) {
  const text = JSON.stringify({ cniVersion: "1.1.0", name: "n", type: "ipvlan", ...keys });
  const { config } = parseNetworkConfig(text, { command: "ADD", args: "", netns: "/run/netns/a", ifname: "eth0" });
  const allocation: Allocation = {
    addresses: addresses.map((text) => {
      const [address = "", gateway = ""] = text.split(" ");
      return { address: prefix(address), gateway: parseAddress(gateway) };
    }),
    routes: routes.map(({ dst, gw = "" }) => ({ dst: prefix(dst), gw: parseAddress(gw) })),
    dns: undefined,
    subnets: subnets.map(prefix),
  };
  const planned = planAddressing(config, allocation);
  return {
    gateways: planned.addresses.map(({ gateway }) => gateway && formatAddress(gateway)),
    routes: planned.routes.map(({ dst, gw, onlink }) =>
      [formatPrefix(dst), ...(gw ? ["via", formatAddress(gw)] : []), ...(onlink ? ["onlink"] : [])].join(" "),
    ),
  };
}

const builtin = { master: "eth0", ipam: { subnets: [{ subnet: "10.1.0.0/24" }] } };
const other = { master: "eth0", ipam: { type: "other" } };
const both = ["10.1.0.2/24 10.1.0.1", "2001:db8::2/64 2001:db8::1"];
const l3 = { mode: "l3" };

t.test("0.0.0.0 and :: are no next hop, and no gateway", async (t) => {
  const routes = [{ dst: "10.9.0.0/16", gw: "0.0.0.0" }, { dst: "2001:db8:9::/48", gw: "::" }, { dst: "10.8.0.0/16" }];
  t.strictSame(plan(other, { addresses: both, routes }).routes, [
    "10.9.0.0/16",
    "2001:db8:9::/48",
    "10.8.0.0/16 via 10.1.0.1",
  ]);
  const none = plan(builtin, { addresses: ["10.1.0.2/24 0.0.0.0", "2001:db8::2/64 ::"] });
  t.strictSame([none.gateways, none.routes], [[undefined, undefined], []]);
});

t.test("a gateway outside of the subnet is reached by a device route, in whatever order, and onlink", async (t) => {
  const addresses = ["203.0.113.2/28 198.51.100.1"];
  const all = { dst: "0.0.0.0/0" };
  for (const route of [
    { dst: "198.51.100.1/32", gw: "0.0.0.0" },
    { dst: "198.51.100.1/32" },
    { dst: "198.51.100.0/24" },
  ]) {
    t.strictSame(plan(other, { addresses, routes: [all, route] }).routes, [
      "0.0.0.0/0 via 198.51.100.1 onlink",
      route.dst,
    ]);
  }
  t.strictSame(plan(builtin, { addresses, routes: [{ dst: "198.51.100.1/32" }] }).routes, [
    "198.51.100.1/32",
    "0.0.0.0/0 via 198.51.100.1 onlink",
  ]);
  t.strictSame(
    plan(other, { addresses, routes: [all] }).routes,
    ["0.0.0.0/0 via 198.51.100.1"],
    "without one, the kernel is to refuse it",
  );
  t.strictSame(
    plan(other, { addresses: both, routes: [{ dst: "10.1.0.0/16" }, { dst: "::/0", gw: "fe80::1" }] }).routes,
    ["10.1.0.0/16 via 10.1.0.1", "::/0 via fe80::1"],
    "one in the subnet, or link-local, needs none",
  );
});

t.test("default routes: via the built-in allocator's gateways in L2, out of the device in L3", async (t) => {
  t.strictSame(plan(builtin, { addresses: both }).routes, ["0.0.0.0/0 via 10.1.0.1", "::/0 via 2001:db8::1"]);
  t.strictSame(plan(other, { addresses: both }).routes, []);
  for (const keys of [builtin, other]) {
    const { gateways, routes } = plan({ ...keys, ...l3 }, { addresses: both });
    t.strictSame(
      [gateways, routes],
      [
        [undefined, undefined],
        ["0.0.0.0/0", "::/0"],
      ],
    );
    t.strictSame(plan({ ...keys, ...l3 }, { addresses: ["2001:db8::2/64"] }).routes, ["::/0"]);
  }
  t.strictSame(plan(builtin, { addresses: both, routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.9" }] }).routes, [
    "0.0.0.0/0 via 10.1.0.9",
    "::/0 via 2001:db8::1",
  ]);
});

t.test("an internal network has no default route; in L3 its other subnets are reached", async (t) => {
  const subnets = ["10.1.0.0/24", "10.2.0.0/24", "2001:db8::/64", "2001:db8:2::/64", "10.3.0.0/24"];
  const isolated = { ...builtin, internal: true };
  t.strictSame(plan(isolated, { addresses: both, subnets }).routes, []);
  t.strictSame(plan({ ...isolated, ...l3 }, { addresses: both, subnets }).routes, [
    "10.2.0.0/24",
    "10.3.0.0/24",
    "2001:db8:2::/64",
  ]);
  t.strictSame(plan({ ...isolated, ...l3 }, { addresses: ["10.2.0.7/24"], subnets }).routes, [
    "10.1.0.0/24",
    "10.3.0.0/24",
  ]);
  t.strictSame(
    plan(
      { ...isolated, ...l3 },
      { addresses: ["10.2.0.7/24"], subnets, routes: [{ dst: "10.1.0.0/24" }, { dst: "0.0.0.0/0" }] },
    ).routes,
    ["10.1.0.0/24", "0.0.0.0/0", "10.3.0.0/24"],
    "what is named is added, and once",
  );
  const parentless = { ...builtin, ...l3, master: undefined };
  t.strictSame(plan(parentless, { addresses: both, subnets }).routes, ["0.0.0.0/0", "::/0"], "as Docker's page shows");
});

t.test('"routes": [] says that there is to be none', async (t) => {
  for (const keys of [builtin, other]) {
    const none = { ...keys, ipam: { ...keys.ipam, routes: [] } };
    for (const more of [{}, l3, { internal: true, ...l3 }]) {
      t.strictSame(plan({ ...none, ...more }, { addresses: both, subnets: ["10.9.0.0/24"] }).routes, []);
    }
  }
});
