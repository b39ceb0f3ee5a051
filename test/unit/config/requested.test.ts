import t from "tap";
import { parse, readable, refuse } from "./lib/parsing.ts";

const ipam = { type: "host-local", subnet: "10.1.0.0/16" };
const requested = (value: object, args = ""): unknown => readable(parse({ ipam, ...value }, { args }).requested);

t.test("CNI_ARGS, then args.cni.ips, then runtimeConfig.ips, each address once", async (t) => {
  const value = {
    args: { cni: { ips: ["10.1.0.7", "10.1.0.5/16"] } },
    runtimeConfig: { ips: ["10.1.0.8/24", "10.1.0.7", "fd00::7"] },
  };
  t.strictSame(requested(value, "IP=10.1.0.5, 10.1.0.6;IgnoreUnknown=1;K8S_POD_NAME=a"), [
    { address: "10.1.0.5" },
    { address: "10.1.0.6" },
    { address: "10.1.0.7" },
    "10.1.0.8/24",
    { address: "fd00::7" },
  ]);
});

t.test("nothing asked for", async (t) => {
  t.strictSame(requested({}), []);
  t.strictSame(requested({ runtimeConfig: { ips: [""] } }, "IP="), []);
});

t.test("what is no address", async (t) => {
  for (const [value, args, code, details, message] of [
    [
      { runtimeConfig: { ips: ["10.1.0.5", "10.1.0"] } },
      "",
      7,
      "/runtimeConfig/ips/1",
      'runtimeConfig.ips[1] "10.1.0"',
    ],
    [{ args: { cni: { ips: ["a"] } } }, "", 7, "/args/cni/ips/0", 'args.cni.ips[0] "a"'],
    [{}, "IP=10.1.0.256", 4, "", "CNI_ARGS: IP=10.1.0.256"],
    [{}, "IP=10.1.0.5;GATEWAY=10.1.0.1", 4, "", "CNI_ARGS: GATEWAY is not known"],
    [{}, "K8S_POD_NAME=a", 4, "", "CNI_ARGS: K8S_POD_NAME is not known"],
  ] as const) {
    const error = refuse({ ipam, ...value }, { args });
    t.strictSame([error.code, error.details], [code, details], error.message);
    t.match(error.message, message);
  }
});

t.test("the built-in allocator gives one address of each family", async (t) => {
  const builtin = { ipam: { subnets: [{ subnet: "10.1.0.0/16" }, { subnet: "fd00::/64" }] } };
  const ips = (...list: string[]): object => ({ ...builtin, runtimeConfig: { ips: list } });
  t.strictSame(readable(parse(ips("10.1.0.5", "fd00::5")).requested), [
    { address: "10.1.0.5" },
    { address: "fd00::5" },
  ]);
  t.equal(parse(ips("10.1.0.5", "10.1.0.5/16")).requested.length, 1, "the same address twice is one");
  const error = refuse(ips("10.1.0.5", "fd00::5", "10.1.0.6"));
  t.equal(error.code, 7);
  t.match(error.message, "10.1.0.5 and 10.1.0.6 are asked for, and a container gets one IPv4 address");
});
