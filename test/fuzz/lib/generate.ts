// From a seed and a number to an input: configurations that work, and what may become of them on their way to the plugin.
import { type Random, random } from "../../differential/lib/random.ts";
import type { Call, Input } from "./input.ts";
import { addresses, keys, names, numbers, paths, versions, wayOut, words, wrongVersions } from "./values.ts";

type Json = { [key: string]: unknown };

/** The input that a seed and a number stand for: the same on every machine. */
export function generate(seed: number, number: number): Input {
  const rng = random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0);
  const config = configuration(rng);
  for (let left = rng.pick([0, 0, 1, 1, 1, 2, 3, 6]); left > 0; left--) mutate(rng, config);
  const stdin = text(rng, config);
  const environment = surroundings(rng);
  const calls = rng.pick<() => string[]>([
    () => ["ADD", "DEL"],
    () => ["ADD", "DEL"],
    () => ["ADD", "ADD", "DEL"],
    () => ["ADD", "CHECK", "DEL"],
    () => ["STATUS", "ADD", "GC", "DEL"],
    () => ["GC", "DEL"],
    () => ["CHECK"],
    () => [rng.pick(["VERSION", "STATUS", "GC", "add", " ", "\u001b", "UPDATE"])],
  ])();
  return {
    files: rng.chance(0.25) ? files(rng, config, environment) : [],
    calls: calls.map((CNI_COMMAND): Call => ({ environment: { ...environment, CNI_COMMAND }, stdin })),
  };
}

/** A configuration that is right, of some kind. */
function configuration(rng: Random): Json {
  const config: Json = { cniVersion: rng.pick(versions), name: "n", type: "ipvlan" };
  if (rng.chance(0.5)) config.cniVersion = "1.1.0";
  Object.assign(
    config,
    rng.pick<() => Json>([
      () => ({ master: "up0" }),
      () => ({ master: "up0" }),
      () => ({ master: "up0", mode: rng.pick(["l2", "l3", "l3s"]), flag: rng.pick(["bridge", "private", "vepa"]) }),
      () => ({ parent: "up0", ipvlan_mode: "l3", ipvlan_flag: "vepa" }),
      () => ({ master: "up0.10" }),
      () => ({ master: "up0", vlan: rng.pick([1, 10, 4094]) }),
      () => ({ internal: true }),
      () => ({}),
      () => ({ master: { defaultRoute: rng.pick(["ipv4", "ipv6"]) } }),
      () => ({ master: { subnet: "192.168.77.0/24" } }),
      () => ({ master: "up0", mtu: rng.pick([0, 1400]) }),
      () => ({ master: "up0", hostAccess: true }),
      () => ({ prevResult: result(rng) }),
      () => ({ prevResult: result(rng) }),
      () => ({ master: "up0", prevResult: result(rng) }),
      () => ({ linkInContainer: true, master: "up0" }),
    ])(),
  );
  config.ipam = rng.pick<() => Json | undefined>([
    () => ({ subnets: [{ subnet: "10.1.2.0/24" }] }),
    () => ({
      subnets: [
        { subnet: "10.1.2.0/24", gateway: "10.1.2.9", ipRange: "10.1.2.128/25", auxAddresses: ["10.1.2.129"] },
        { subnet: "2001:db8::/64", auxAddresses: { router: "2001:db8::9" } },
      ],
      routes: [{ dst: "198.18.0.0/16", gw: "10.1.2.1", mtu: 1300, priority: 5, table: 100, scope: 0 }],
      dataDir: rng.pick(["/fuzz/data", "/fuzz/data", ...paths]),
    }),
    () => ({
      type: "host-local",
      ranges: [[{ subnet: "10.1.2.0/24", rangeStart: "10.1.2.20" }]],
      routes: [{ dst: "0.0.0.0/0" }],
    }),
    () => ({ type: "host-local", subnet: "10.1.2.0/24", dataDir: "/fuzz/data", resolvConf: "/fuzz/answer" }),
    () => ({
      type: "static",
      addresses: [{ address: "10.1.2.7/24", gateway: "10.1.2.1" }],
      dns: { nameservers: ["10.1.2.53"] },
    }),
    () => ({ type: "echo-ipam" }),
    () => undefined,
  ])();
  if (rng.chance(0.2)) config.dns = { nameservers: ["10.1.2.53"], search: ["a.test"], options: ["ndots:2"] };
  if (rng.chance(0.2)) config.runtimeConfig = { ips: ["10.1.2.45/24"], mac: "02:00:00:00:00:09" };
  if (rng.chance(0.1)) config.args = { cni: { ips: ["10.1.2.46"] }, other: [null] };
  if (rng.chance(0.1)) config.capabilities = { ips: true };
  if (rng.chance(0.3))
    config["cni.dev/valid-attachments"] = rng.pick([[], null, [{ containerID: "c1", ifname: "eth0" }]]);
  return config;
}

function result(rng: Random): Json {
  const name = rng.chance(0.4) ? "up0" : rng.chance(0.4) ? rng.pick(wayOut) : rng.pick(names);
  return {
    cniVersion: rng.pick(["0.3.1", "1.0.0", "1.1.0"]),
    interfaces: [{ name, sandbox: rng.pick([undefined, undefined, "", "/run/netns/a"]) }],
    ips: [{ address: "10.1.2.77/24", gateway: "10.1.2.1", interface: rng.pick([0, 0, 0, 1]) }],
    routes: [{ dst: "0.0.0.0/0", table: rng.pick([undefined, undefined, 4294967396]) }],
    dns: rng.pick([undefined, null, { nameservers: ["10.1.2.53"] }]),
  };
}

/** What a key means, by its name: most of what goes wrong is of the right kind. */
const pools: readonly (readonly [RegExp, readonly unknown[]])[] = [
  [/^(dataDir|resolvConf)$/, paths],
  [/^(name|master|parent\w*|network|containerI[dD]|ifname|link|sandbox|netns|type)$/, names],
  [
    /^(subnets?|gateway|ipRange|auxAddresses|dst|gw|range\w*|address\w*|ips?|ip[46]|host\w+|serviceCIDRs|nameservers|\d+)$/,
    addresses,
  ],
  [/^(vlan|mtu|table|scope|priority|advmss|interface|\w*[iI]ndex)$/, numbers],
  [/^(mode|flag|ipvlan_\w+)$/, words],
];

function valueFor(rng: Random, key: string): unknown {
  if (rng.chance(0.1)) return rng.pick(wayOut);
  const [, pool] = pools.find(([pattern]) => pattern.test(key)) ?? [];
  return pool !== undefined && rng.chance(0.6) ? rng.pick(pool) : value(rng);
}

/** Any value. */
function value(rng: Random, depth = 0): unknown {
  return rng.pick<() => unknown>([
    () => rng.pick(names),
    () => rng.pick(addresses),
    () => rng.pick(numbers),
    () => rng.pick(words),
    () => rng.pick(paths),
    () => rng.pick([null, true, false]),
    () => rng.pick(wrongVersions),
    () => (depth > 3 ? [] : Array.from({ length: rng.below(4) }, () => value(rng, depth + 1))),
    () =>
      depth > 3
        ? {}
        : Object.fromEntries(Array.from({ length: rng.below(3) }, () => [rng.pick(keys), value(rng, depth + 1)])),
    () => (rng.chance(0.02) ? rng.pick(large)() : rng.pick(names)),
  ])();
}

/** Rare, since they take their time. */
const large: readonly (() => unknown)[] = [
  () => "n".repeat(1e7),
  () => "\u2028".repeat(1e6),
  () => '"\\'.repeat(1e6),
  () => Array.from({ length: 40_000 }, (_, i) => `10.1.${(i >> 8) & 255}.${i & 255}`),
  () => Array.from({ length: 20_000 }, () => null),
  () => Array.from({ length: 20_000 }, (_, i) => ({ dst: `10.${i >> 8}.${i & 255}.0/24` })),
  () => Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`mod${i}`, i])),
];

/** Every object and list in a value, the value's own first. */
function containers(of: unknown, found: (Json | unknown[])[] = []): (Json | unknown[])[] {
  if (typeof of !== "object" || of === null || found.length > 60) return found;
  found.push(of as Json);
  for (const item of Object.values(of)) containers(item, found);
  return found;
}

function mutate(rng: Random, config: Json): void {
  const all = containers(config);
  const object = rng.chance(0.4) ? config : (all[rng.below(all.length)] as Json | unknown[]);
  if (Array.isArray(object)) {
    rng.pick<() => void>([
      () => object.push(value(rng)),
      () => object.splice(rng.below(object.length + 1), 1, value(rng)),
      () => object.push(...structuredClone(object.slice(0, 5))),
      () => object.splice(0),
    ])();
    return;
  }
  const own = Object.keys(object);
  const key = own[rng.below(Math.max(1, own.length))] ?? "name";
  const set = (name: string, item: unknown): void =>
    void Object.defineProperty(object, name, { value: item, enumerable: true, configurable: true, writable: true });
  rng.pick<() => void>([
    () => set(key, valueFor(rng, key)),
    () => set(key, valueFor(rng, key)),
    () => set(key, valueFor(rng, key)),
    () => set(key, null),
    () => void delete object[key],
    () => set(rng.pick(keys), value(rng)),
    () => {
      const name = rng.pick(known);
      set(name, valueFor(rng, name));
    },
    () => {
      const item = object[key];
      delete object[key];
      set(rng.pick([key.toUpperCase(), `${key[0]?.toUpperCase()}${key.slice(1)}`, `${key}s`, key.slice(1)]), item);
    },
    () => set(key, [object[key]]),
    () => set(key, { [key]: object[key] }),
  ])();
}

const known =
  "name cniVersion type master parent mode flag vlan internal mtu linkInContainer ipam dns prevResult runtimeConfig args capabilities hostAccess hostAddresses serviceCIDRs announce conflictDetection subnets subnet gateway ipRange auxAddresses routes dst gw scope table ipv4 dataDir ranges rangeStart rangeEnd resolvConf addresses address interfaces ips ip4 mac".split(
    " ",
  );

/** The configuration as it arrives, which may be spoilt on the way. */
function text(rng: Random, config: Json): Buffer {
  const whole = JSON.stringify(config);
  if (rng.chance(0.8)) return Buffer.from(whole);
  const at = rng.below(whole.length);
  const depth = rng.pick([900, 1001, 20_000, 50_000]);
  return rng.pick<() => Buffer>([
    () => Buffer.from(whole.slice(0, at)),
    () =>
      Buffer.from(
        whole.slice(0, at) +
          rng.pick(["\0", "\u001b", '"', "{", "}", "[", ",", "\\", "\ud800", "\ufeff"]) +
          whole.slice(at),
      ),
    () => Buffer.from(whole).fill(rng.below(256), at, at + 1),
    () =>
      Buffer.concat([
        Buffer.from(whole.slice(0, at)),
        Buffer.from([0xff, 0xc3, 0xed, 0xa0, 0x80]),
        Buffer.from(whole.slice(at)),
      ]),
    () => Buffer.from(`\ufeff${whole}`),
    () => Buffer.from(`${whole}${rng.pick([" x", whole, "\0", "]"])}`),
    () => Buffer.from(whole.replace("{", `{"name":${JSON.stringify(rng.pick(names))},`)),
    () => Buffer.from(whole.replace("{", `{"x":${"[".repeat(depth)}${"]".repeat(depth)},`)),
    () => Buffer.from(whole.replace("{", `{"x":${'{"a":'.repeat(depth)}1${"}".repeat(depth)},`)),
    () => Buffer.from("[".repeat(depth)),
    () =>
      Buffer.from(
        whole.replace(
          "{",
          `{"x":${rng.pick(["1e400", "-1e400", "01", "1.", "NaN", "'a'", "tru", `1${"0".repeat(5000)}`])},`,
        ),
      ),
    () => Buffer.from(rng.pick(["", " ", "null", "[]", "0", '""', "{}", "{", '{"name":', "\0", "\u001b[2J"])),
    () => Buffer.from(JSON.stringify({ cniVersion: "1.0.0", name: "n", plugins: [config] })),
    () => Buffer.from(rng.chance(0.05) ? " ".repeat(17e6) : JSON.stringify(value(rng))),
    () => Buffer.from(Array.from({ length: rng.below(400) }, () => rng.below(256))),
  ])();
}

const environmentNames = (rng: Random): string =>
  rng
    .pick([...names, ...wayOut])
    .replaceAll("\0", "\u0001")
    .toWellFormed();

function surroundings(rng: Random): Record<string, string> {
  const environment: Record<string, string> = {
    CNI_CONTAINERID: "c1",
    CNI_NETNS: "/run/netns/a",
    CNI_IFNAME: "eth0",
    CNI_PATH: "/fuzz/bin",
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  };
  if (rng.chance(0.15)) environment.CNI_IFNAME = environmentNames(rng);
  if (rng.chance(0.1)) environment.CNI_CONTAINERID = environmentNames(rng);
  if (rng.chance(0.1)) {
    const places = [
      "/run/netns/gone",
      "/etc/passwd",
      "/",
      "relative",
      "/proc/self/ns/net",
      "/dev/null",
      "/run/netns/a/x",
    ];
    environment.CNI_NETNS = rng.pick([...places, "/fuzz/answer", `/${"x".repeat(5000)}`, "\u001b[2J"]);
  }
  if (rng.chance(0.15)) {
    const one = () =>
      rng.pick([
        "IP=10.1.2.44",
        `IP=${rng.pick(addresses)}`,
        "IgnoreUnknown=1",
        "IgnoreUnknown=x",
        "K8S_POD_NAME=a",
        "MAC=02:00:00:00:00:01",
        "=",
        ";",
        "IP",
        environmentNames(rng),
        "GATEWAY=10.1.2.1",
      ]);
    environment.CNI_ARGS = Array.from({ length: 1 + rng.below(4) }, one).join(";");
  }
  if (rng.chance(0.05))
    environment.CNI_PATH = rng.pick(["", ":", "/nowhere", `/${"x".repeat(5000)}`, "\u001b[2J", "/etc/passwd"]);
  if (rng.chance(0.05)) environment.CNI_NETNS_OVERRIDE = rng.pick(["1", "true", "x"]);
  if (rng.chance(0.03)) delete environment[rng.pick(["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"])];
  return environment;
}

/** What stands where the plugin keeps its own files, or a delegated plugin's answer. */
function files(rng: Random, config: Json, environment: Readonly<Record<string, string>>): Input["files"] {
  const identity = { network: "n", containerId: "c1", ifname: "eth0", netns: "/run/netns/a", parentName: "up0" };
  const port = { linkInContainer: false, mode: "l2", flag: "bridge" };
  const link = { namespace: "0:4:4026532001", index: 2, parentNamespace: "0:4:4026532000", parentIndex: 3 };
  const parent = "3@0:4:4026532000";
  const right: Json = rng.chance(0.3)
    ? { ...identity, ...port, parent: "up0" }
    : { ...identity, ...port, parent, link, host: "0:4:4026532000", parentMayBeOurs: rng.chance(0.5) };
  if (rng.chance(0.2))
    right.hostAccess = { link: "up0", addresses: ["10.1.2.5"], announced: true, translated: false, hostAddresses: [] };
  const record: Json = { ...right };
  if (rng.chance(0.7)) {
    const key = rng.pick(["parent", "parentName", ...Object.keys(right)]);
    record[key] = valueFor(rng, key);
  }
  if (rng.chance(0.5)) mutate(rng, record);
  const junk = ["", "[]", "5", "null", "{", '"', "{}", "[".repeat(5000), "\0\0", JSON.stringify(value(rng))];
  const content = rng.chance(0.6) ? JSON.stringify(record) : rng.pick(junk);
  const { CNI_CONTAINERID = "c1", CNI_IFNAME = "eth0" } = environment;
  const name = typeof config.name === "string" && /^\w[\w.-]{0,99}$/.test(config.name) ? config.name : "n";
  const entry = `${CNI_CONTAINERID}:${CNI_IFNAME}`.replaceAll("/", "_").slice(0, 200);
  const result = { cniVersion: "1.0.0", ips: [{ address: rng.pick(addresses) }], dns: value(rng) };
  return rng.pick<() => Input["files"]>([
    () => [{ path: `/run/ipvlan-cni/networks/${name}/${entry}`, text: content }],
    () => [
      { path: `/run/ipvlan-cni/networks/${name}/${entry}`, text: content },
      { path: `/run/ipvlan-cni/parents/up0/attachments/${name}:${entry}`, text: content },
      { path: `/run/ipvlan-cni/parents/${parent}/${name}:${entry}`, text: content },
      {
        path: "/run/ipvlan-cni/parents/up0/port",
        text: rng.pick(["l2 bridge", "l3 bridge", "", "x".repeat(5000), "\u001b"]),
      },
    ],
    () => [
      {
        path: `/fuzz/data/${name}/${rng.pick(["10.1.2.2", "10.1.2.20", "x", "lock"])}`,
        text: rng.pick(["", "c1\r\neth0", "other\r\neth0", "\0", content]),
      },
    ],
    () => [
      { path: `/fuzz/data/${name}/last_reserved_ip.0`, text: rng.pick(["", "x", "10.1.2.9", "2001:db8::", content]) },
    ],
    () => [{ path: `/fuzz/data/.ipvlan-cni/pools/${name}`, text: rng.pick(["", "10.1.2.0/24", "x", content]) }],
    () => [{ path: "/fuzz/answer", text: rng.chance(0.5) ? JSON.stringify(result) : content }],
    () => [{ path: "/fuzz/answer", text: JSON.stringify({ code: value(rng), msg: value(rng), details: value(rng) }) }],
  ])();
}
