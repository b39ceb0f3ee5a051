import t from "tap";
import { planAddressing } from "../../../src/commands/addressing.ts";
import type { NetworkConfig } from "../../../src/config/network-config.ts";
import { formatPrefix, type Prefix, parsePrefix } from "../../../src/ip/address.ts";
import { parse, parseWithWarnings, refuse } from "./lib/parsing.ts";

const hostLocal = { type: "host-local", subnet: "10.1.0.0/16" };
const fixed = { type: "static", addresses: [{ address: "10.1.0.5/16" }] };
const routed = ["l3", "l3s"] as const;

t.test("dhcp is refused in l3 and l3s, where there is no broadcast, and by no other name or mode", async (t) => {
  for (const mode of routed) {
    t.match(refuse({ mode, ipam: { type: "dhcp" } }), {
      code: 7,
      message: `ipam.type dhcp finds its server by broadcast, and mode ${mode} passes none: use mode l2`,
      details: "/ipam/type",
    });
    parse({ mode, ipam: { type: "dhcp6" } });
  }
  parse({ mode: "l2", ipam: { type: "dhcp" } });
});

t.test("an IPAM of the reference's without routes in l3 and l3s: a warning of the default route", async (t) => {
  for (const ipam of [hostLocal, fixed]) {
    for (const mode of routed) {
      const warnings = (more: object) =>
        parseWithWarnings({ master: "eth0", mode, ipam: { ...ipam, ...more } }).warnings;
      t.match(warnings({}), [new RegExp(`^mode ${mode} gives .* default route .*"routes": \\[\\] in ipam`)]);
      t.strictSame(warnings({ routes: [] }), []);
      t.strictSame(warnings({ routes: [{ dst: "10.0.0.0/8" }] }), []);
    }
    t.strictSame(parseWithWarnings({ ipam }).warnings, [], "l2");
    t.strictSame(
      parseWithWarnings({ mode: "l3", internal: true, ipam }).warnings,
      [],
      "there is none on an isolated network",
    );
  }
  t.strictSame(parseWithWarnings({ mode: "l3", ipam: { subnets: [{ subnet: "10.1.0.0/16" }] } }).warnings, []);
});

t.test("an empty list of routes: none is added, whatever the mode and the IPAM", async (t) => {
  const address = parsePrefix("10.1.0.5/16") as Prefix;
  const gateway = parsePrefix("10.1.0.1/16")?.address;
  const destinations = (config: NetworkConfig) =>
    planAddressing(config, { addresses: [{ address, gateway }], routes: [], dns: undefined }).routes.map(({ dst }) =>
      formatPrefix(dst),
    );
  for (const mode of ["l2", ...routed]) {
    for (const ipam of [hostLocal, fixed, { subnets: [{ subnet: "10.1.0.0/16" }] }, { type: "own" }]) {
      const of = (more: object) =>
        destinations(parseWithWarnings({ master: "eth0", mode, ipam: { ...ipam, ...more } }).config);
      t.strictSame(of({ routes: [] }), [], `${mode} ${JSON.stringify(ipam)}`);
      t.strictSame(of({}), mode === "l2" && "type" in ipam ? [] : ["0.0.0.0/0"]);
    }
  }
});
