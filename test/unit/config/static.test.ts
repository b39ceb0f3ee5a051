// static's configuration as the reference plugin reads it: plugins, ipam/static/main.go.
import t from "tap";
import { parse, readable, refuse } from "./lib/parsing.ts";

const addresses = [{ address: "10.1.0.5/16", gateway: "10.1.0.1" }, { address: "2001:db8::5/64" }];
const fixed = (more: object = {}): object => ({ ipam: { type: "static", addresses }, ...more });
const found = (value: object, args = ""): unknown =>
  (readable(parse(value, { args }).ipam) as { addresses: unknown }).addresses;

t.test("addresses, routes and dns of the configuration", async (t) => {
  const ipam = { type: "static", addresses, routes: [{ dst: "0.0.0.0/0" }], dns: { domain: "example.org" } };
  t.strictSame(readable(parse({ ipam }).ipam), {
    type: "static",
    addresses,
    routes: [{ dst: "0.0.0.0/0" }],
    dns: { nameservers: [], domain: "example.org", search: [], options: [] },
  });
  t.equal((parse(fixed()).ipam as { dns: unknown }).dns, undefined);
});

t.test("the addresses of CNI_ARGS are added, its gateways go to those of them whose subnet holds it", async (t) => {
  t.strictSame(found(fixed(), "IP=10.2.0.5/24, 10.3.0.5/24;GATEWAY=10.2.0.1,10.1.0.9"), [
    { address: "10.1.0.5/16", gateway: "10.1.0.1" },
    { address: "2001:db8::5/64" },
    { address: "10.2.0.5/24", gateway: "10.2.0.1" },
    { address: "10.3.0.5/24" },
  ]);
  t.strictSame(found(fixed(), "IgnoreUnknown=1;K8S_POD_NAME=a"), addresses);
});

t.test("args.cni.ips takes their place, and runtimeConfig.ips that of both", async (t) => {
  const args = { cni: { ips: ["10.4.0.5/24"] } };
  t.strictSame(found(fixed({ args }), "IP=10.2.0.5/24"), [{ address: "10.4.0.5/24" }]);
  const runtimeConfig = { ips: ["10.5.0.5/24", "fd00::5/64"] };
  t.strictSame(found(fixed({ args, runtimeConfig })), [{ address: "10.5.0.5/24" }, { address: "fd00::5/64" }]);
  t.strictSame(found(fixed({ args: { cni: { ips: [] } }, runtimeConfig: { ips: null } })), addresses);
});

t.test("what the runtime asks for is among the addresses, and not asked for twice", async (t) => {
  t.strictSame(parse(fixed({ runtimeConfig: { ips: ["10.5.0.5/24"] } })).requested, []);
});

t.test("0.2.0 has room for one address of each family", async (t) => {
  t.strictSame(found(fixed({ cniVersion: "0.2.0" })), addresses);
});

t.test("what is wrong", async (t) => {
  for (const [value, args, code, details, message] of [
    [{ ipam: { type: "static", addresses: [{}] } }, "", 7, "/ipam/addresses/0", 'lacks the key "address"'],
    [{ ipam: { type: "static", addresses: ["10.0.0.5/24"] } }, "", 7, "/ipam/addresses/0", "must be an object"],
    [
      { ipam: { type: "static", addresses: [{ address: "10.0.0.5" }] } },
      "",
      7,
      "/ipam/addresses/0/address",
      "a length",
    ],
    [
      { ipam: { type: "static", addresses: [{ address: "10.0.0.5/24", gateway: "fd00::1" }] } },
      "",
      7,
      "/ipam/addresses/0/gateway",
      "must be an IPv4 address",
    ],
    [fixed({ runtimeConfig: { ips: ["10.5.0.5"] } }), "", 7, "/runtimeConfig/ips/0", "a length is wanted"],
    [fixed({ args: { cni: { ips: ["x"] } } }), "", 7, "/args/cni/ips/0", "is no ADDRESS/LENGTH"],
    [fixed(), "IP=10.0.0.5", 4, "", "CNI_ARGS: IP=10.0.0.5 must be ADDRESS/LENGTH"],
    [fixed(), "IP=10.0.0.5/24;GATEWAY=x", 4, "", "CNI_ARGS: GATEWAY=x"],
    [fixed(), "FOO=1", 4, "", "CNI_ARGS: FOO is not known"],
    [fixed({ runtimeConfig: { ips: ["10.5.0.5/24"] } }), "FOO=1", 4, "", "CNI_ARGS: FOO is not known"],
    [
      fixed({ cniVersion: "0.2.0", runtimeConfig: { ips: ["10.0.0.5/24", "10.0.0.6/24"] } }),
      "",
      7,
      "/ipam/addresses",
      "has several IPv4 addresses, and cniVersion 0.2.0 has room for one",
    ],
  ] as const) {
    const error = refuse(value, { args });
    t.strictSame([error.code, error.details], [code, details], error.message);
    t.match(error.message, message);
  }
});
