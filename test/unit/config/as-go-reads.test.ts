// Keys in another case and nulls, on every level that the schemas know: read as programs in Go read JSON.
import t from "tap";
import { result } from "../../../src/cni/generated/protocol.keys.ts";
import type { Keys } from "../../../src/cni/normalise.ts";
import { keys } from "../../../src/config/generated/network-configuration.keys.ts";
import { parseNetworkConfig } from "../../../src/config/parse.ts";
import { parseForRemoval } from "../../../src/config/removal.ts";
import { context, parse, parseWithWarnings } from "./lib/parsing.ts";

type Json = { [key: string]: unknown };

const routes = [{ dst: "10.1.0.0/16", gw: "10.0.0.9", mtu: 1300, advmss: 1260, priority: 5, table: 100, scope: 0 }];
const dns = { nameservers: ["10.0.0.1"], domain: "a.test", search: ["b.test"], options: ["ndots:2"] };
const range = { subnet: "10.0.0.0/24", rangeStart: "10.0.0.5", rangeEnd: "10.0.0.9", gateway: "10.0.0.1" };
const oneSubnet = { subnets: [{ subnet: "10.0.0.0/24" }] };
const runtime = {
  args: { cni: { ips: ["10.0.0.7"] } },
  runtimeConfig: { ips: ["10.0.0.7/24"] },
  capabilities: { ips: true },
};

/** Together they have every key. */
const configurations: Readonly<Record<string, Json>> = {
  builtin: {
    master: "eth0",
    vlan: 10,
    mode: "l3",
    flag: "vepa",
    mtu: 1400,
    internal: false,
    linkInContainer: false,
    dns,
    ipam: {
      subnets: [
        { subnet: "10.0.0.0/24", gateway: "10.0.0.1", ipRange: "10.0.0.128/25", auxAddresses: ["10.0.0.129"] },
        { subnet: "2001:db8::/64", auxAddresses: { router: "2001:db8::9" } },
      ],
      ipv4: true,
      routes,
      dataDir: "/run/state",
    },
    ...runtime,
  },
  "host access": {
    master: "eth0",
    hostAccess: true,
    hostAddresses: ["169.254.20.10"],
    serviceCIDRs: ["10.96.0.0/12"],
    announce: false,
    translateSource: true,
    setRpFilter: true,
    conflictDetection: { timeoutMs: 300 },
    ipam: oneSubnet,
  },
  "one pool over many nodes": {
    master: "eth0",
    ipam: {
      ...oneSubnet,
      cluster: {
        etcd: {
          endpoints: ["https://etcd-1:2379"],
          caFile: "/etc/ca.pem",
          certFile: "/etc/node.pem",
          keyFile: "/etc/key.pem",
          prefix: "/pools",
        },
        blockSize: { ipv4: 26, ipv6: 122 },
        node: "worker-1",
        trustAfterBoot: false,
      },
    },
  },
  "one pool over the nodes of a Kubernetes": {
    master: "eth0",
    ipam: { ...oneSubnet, sticky: true, cluster: { kubernetes: { kubeconfig: "/etc/ipvlan-cni/kubeconfig" } } },
  },
  "Docker's names": { parent: "eth0", ipvlan_mode: "l3s", ipvlan_flag: "private", ipam: oneSubnet },
  "by default route": { master: { defaultRoute: "ipv6" }, ipam: oneSubnet },
  "by subnet": { master: { subnet: "10.0.0.0/8" }, ipam: oneSubnet },
  "host-local": {
    master: "eth0",
    ipam: { type: "host-local", ranges: [[range]], routes, dataDir: "/run/state", resolvConf: "/etc/resolv.conf" },
    ...runtime,
  },
  "host-local, one range": { ipam: { type: "host-local", ...range } },
  "ranges of the runtime": { ipam: { type: "host-local" }, runtimeConfig: { ipRanges: [[range]] } },
  static: {
    ipam: { type: "static", addresses: [{ address: "10.0.0.5/24", gateway: "10.0.0.1" }], routes, dns },
  },
  "another IPAM": { ipam: { type: "dhcp" } },
  chained: {
    prevResult: {
      cniVersion: "1.1.0",
      interfaces: [{ name: "bond0", mac: "02:00:00:00:00:01", mtu: 1500, sandbox: "/a", socketPath: "/b", pciID: "c" }],
      ips: [{ version: "4", address: "10.1.0.5/16", gateway: "10.1.0.1", interface: 0 }],
      routes,
      dns,
    },
  },
  "chained, in old words": {
    master: "eth0",
    cniVersion: "0.2.0",
    prevResult: {
      cniVersion: "0.2.0",
      ip4: { ip: "10.1.0.5/16", gateway: "10.1.0.1", routes: [{ dst: "0.0.0.0/0" }] },
      ip6: { ip: "2001:db8::5/64" },
    },
  },
};

/** Visits each object that the schemas know, with the keys that it may have. */
function visit(value: unknown, known: Keys, work: (object: Json, keys: readonly string[]) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, known.items ?? {}, work);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const object = value as Json;
  const own = { ...known.keys, ...known.cases?.[(object.type as string) ?? ""]?.keys };
  for (const [key, item] of Object.entries(object)) {
    visit(item, key === "prevResult" ? result : (own[key] ?? known.values ?? {}), work);
  }
  work(object, Object.keys(own));
}

const seen = new Set<string>();

const read = (value: Json) => parseNetworkConfig(JSON.stringify(value), context);

for (const [name, part] of Object.entries(configurations)) {
  const configuration: Json = { cniVersion: "1.1.0", name: "n", type: "ipvlan", ...part };
  const { config: expected, warnings: none } = read(configuration);
  t.strictSame(none, [], name);

  t.test(`${name}: a key in another case is that key, on every level, with a warning`, async (t) => {
    let count = 0;
    // Each time one key more is written otherwise, so that they are met alone and with others.
    const changed = structuredClone(configuration);
    visit(changed, keys, (object, known) => {
      for (const key of known) {
        if (!(key in object)) continue;
        seen.add(key);
        object[key[0] === key[0]?.toUpperCase() ? key.toLowerCase() : `${key[0]?.toUpperCase()}${key.slice(1)}`] =
          object[key];
        delete object[key];
        count++;
        const { config, warnings } = read(changed);
        t.strictSame(config, expected, key);
        t.equal(warnings.length, count, warnings.join("; "));
        for (const warning of warnings) t.match(warning, /^key "\w+"( of [\w.[\]]+)? is read as "\w+": write it so$/);
      }
    });
    t.ok(count > 0);
    const [removal, removalExpected] = [changed, configuration].map((value) =>
      parseForRemoval(JSON.stringify(value), context),
    );
    t.strictSame(removal?.ipam, removalExpected?.ipam, "DEL reads the same");
    t.strictSame(removal?.parent(), removalExpected?.parent(), "DEL finds the same parent");
  });

  t.test(`${name}: null is as good as absent, on every level, without a word`, async (t) => {
    const changed = structuredClone(configuration);
    visit(changed, keys, (object, known) => {
      for (const key of known) object[key] ??= null;
    });
    t.strictSame(read(changed), { config: expected, warnings: [] });
    for (const key of Object.keys(keys.keys ?? {})) t.ok(key in changed, key);
  });
}

t.test("the configurations above have every key of the schemas", async (t) => {
  const all = new Set<string>();
  const collect = ({ keys = {}, cases = {}, values, items }: Keys): void => {
    for (const [key, inner] of Object.entries(keys)) {
      all.add(key);
      collect(inner);
    }
    for (const inner of [...Object.values(cases), values, items]) if (inner !== undefined) collect(inner);
  };
  collect(keys);
  collect(result);
  t.strictSame(
    [...all].filter((key) => !seen.has(key)),
    [],
  );
});

t.test("a null in a list is passed over, with a warning", async (t) => {
  const { config, warnings } = parseWithWarnings({
    dns: { nameservers: [null, "10.0.0.1"] },
    ipam: { routes: [null, ...routes] },
  });
  t.strictSame(config, parse({ dns: { nameservers: ["10.0.0.1"] }, ipam: { routes } }));
  t.strictSame(warnings, [
    "dns.nameservers has null in it, which is passed over",
    "ipam.routes has null in it, which is passed over",
  ]);
});

t.test("keys that objects have by themselves are keys like any other", async (t) => {
  const text =
    '{"name": "n", "__proto__": {"master": "eth0"}, "constructor": 1, "toString": null, "hasOwnProperty": {}}';
  t.equal(parseForRemoval(text, context).parent()?.kind, "dummy");
  const inner = '{"name": "n", "ipam": {"__proto__": {"subnets": [{"subnet": "10.0.0.0/24"}]}}}';
  t.equal(parseForRemoval(inner, context).ipam.type, "builtin");
  t.match(JSON.parse(JSON.stringify(parseWithWarnings(JSON.parse(text)).warnings)), []);
});
