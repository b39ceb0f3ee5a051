import { isObject, type JsonObject } from "../../cni/json.ts";
import {
  type Address,
  firstOf,
  formatAddress,
  formatPrefix,
  lastOf,
  type Prefix,
  parseAddress,
  parsePrefix,
  sameAddress,
} from "../../ip/address.ts";
import { type Flag, parseArguments, UsageError } from "../arguments.ts";
import { type Converted, finish, Refusal } from "./draft.ts";
import { text, texts } from "./inspected.ts";

/** Of `podman network create` (containers/podman, cmd/podman/networks/create.go). */
const flags: readonly Flag[] = [
  { name: "disable-dns" },
  { name: "dns", value: "strings" },
  { name: "driver", short: "d", value: "string" },
  { name: "gateway", value: "ipSlice" },
  { name: "ignore" },
  { name: "interface-name", value: "string" },
  { name: "internal" },
  { name: "ip-range", value: "strings" },
  { name: "ipam-driver", value: "string" },
  { name: "ipv6" },
  { name: "label", value: "list" },
  { name: "opt", short: "o", value: "list" },
  { name: "route", value: "list" },
  { name: "subnet", value: "strings" },
];

/** The words as netavark's object, which `podman network inspect` shows. @throws Refusal */
export function readPodmanWords(words: readonly string[]): JsonObject {
  try {
    const given = parseArguments(words, flags);
    const [name, ...more] = given.words;
    if (name === undefined || more.length > 0) throw new UsageError("one name is wanted");
    const split = (flag: string): string[] => given.values(flag).flatMap((value) => value.split(","));
    const [gateways, ranges] = [split("gateway"), split("ip-range")];
    const options = Object.fromEntries(
      given
        .values("opt")
        .flatMap((value) => value.split(","))
        .map((pair) => pair.split("=", 2) as [string, string]),
    );
    return {
      name,
      driver: given.value("driver") ?? "bridge",
      network_interface: given.value("interface-name") ?? options.parent,
      subnets: split("subnet").map((subnet, index) => ({
        subnet,
        gateway: gateways[index],
        lease_range: leaseRange(ranges[index]),
      })),
      ipv6_enabled: given.has("ipv6"),
      internal: given.has("internal"),
      dns_enabled: false,
      options,
      ipam_options: { driver: given.value("ipam-driver") ?? "host-local" },
      routes: given.values("route").map((route) => {
        const [destination, gateway, metric] = route.split(",");
        return { destination, gateway, metric: metric === undefined ? undefined : Number(metric) };
      }),
    };
  } catch (error) {
    if (error instanceof UsageError) throw new Refusal(`podman network create: ${error.message}`);
    throw error;
  }
}

function leaseRange(range: string | undefined): object | undefined {
  if (range === undefined) return undefined;
  const prefix = parsePrefix(range);
  if (prefix !== undefined) return { start_ip: formatAddress(firstOf(prefix)), end_ip: formatAddress(lastOf(prefix)) };
  const [start_ip, end_ip] = range.split("-");
  return { start_ip, end_ip };
}

/** One object of `podman network inspect`, or of netavark's own files (containers/common, libnetwork/types). @throws Refusal */
export function fromPodman(raw: JsonObject, cniVersion: string): Converted {
  const name = text(raw.name);
  const refuse = (why: string): Refusal => new Refusal(`network ${name}: ${why}`);
  if (text(raw.driver) !== "ipvlan")
    throw refuse(`its driver is ${text(raw.driver)}: only ipvlan networks are converted`);
  const options = texts(raw.options);
  const remarks: string[] = [];
  if (raw.dns_enabled === true) remarks.push("names are not resolved between its containers: that is not CNI's task");
  if (isObject(raw.labels) && Object.keys(raw.labels).length > 0) remarks.push("its labels are left out");
  for (const option of Object.keys(options)) {
    if (!["mode", "parent", "mtu", "metric", "no_default_route"].includes(option)) {
      remarks.push(`the option ${option} has no counterpart and is left out`);
    }
  }
  const parent = text(raw.network_interface) || options.parent || "";
  const ipamDriver = text(isObject(raw.ipam_options) ? raw.ipam_options.driver : "") || "host-local";
  const entry = {
    // Netavark's rule without a name.
    master: parent || { defaultRoute: "ipv4" },
    mode: options.mode || undefined,
    mtu: options.mtu === undefined ? undefined : Number(options.mtu),
    capabilities: { ips: true },
    ipam: ipamOf(raw, ipamDriver, options, remarks, refuse),
  };
  return finish(name, entry, remarks, cniVersion);
}

interface Subnet {
  readonly prefix: Prefix;
  readonly gateway: string | undefined;
  readonly start: Address | undefined;
  readonly end: Address | undefined;
}

/** A container gets an address from each subnet, as host-local gives one from each set. */
function ipamOf(
  raw: JsonObject,
  driver: string,
  options: Readonly<Record<string, string>>,
  remarks: string[],
  refuse: (why: string) => Refusal,
): object {
  if (driver === "dhcp") return { type: "dhcp" };
  if (driver !== "host-local") throw refuse(`its containers get no addresses (IPAM driver ${driver}): here they must`);
  const subnets = (Array.isArray(raw.subnets) ? raw.subnets : [])
    .filter(isObject)
    .map((one) => readSubnet(one, refuse));
  if (subnets.length === 0)
    throw refuse("it has no subnet: name the one that Podman has chosen (podman network inspect)");
  const hasNoDefault = raw.internal === true || options.no_default_route === "true" || options.no_default_route === "1";
  if (raw.internal === true) {
    remarks.push("internal is carried over as: no default route; its containers reach what is on the parent");
  }
  const isRouted = options.mode === "l3" || options.mode === "l3s";
  const routes = (Array.isArray(raw.routes) ? raw.routes : []).filter(isObject).map((route) => ({
    dst: text(route.destination),
    gw: text(route.gateway) || undefined,
    priority: typeof route.metric === "number" ? route.metric : undefined,
  }));
  for (const family of hasNoDefault ? [] : [4, 6]) {
    const first = subnets.find(({ prefix }) => prefix.address.family === family);
    if (first === undefined) continue;
    routes.push({
      dst: family === 4 ? "0.0.0.0/0" : "::/0",
      gw: isRouted ? undefined : first.gateway,
      priority: options.metric === undefined ? undefined : Number(options.metric),
    });
  }
  return {
    type: "host-local",
    ranges: subnets.map(({ prefix, gateway, start, end }) => [
      {
        subnet: formatPrefix(prefix),
        rangeStart: start && formatAddress(start),
        rangeEnd: end && formatAddress(end),
        gateway,
      },
    ]),
    routes: routes.length === 0 ? undefined : routes,
  };
}

function readSubnet(raw: JsonObject, refuse: (why: string) => Refusal): Subnet {
  const prefix = parsePrefix(text(raw.subnet));
  if (prefix === undefined) throw refuse(`the subnet ${text(raw.subnet)} is no ADDRESS/LENGTH`);
  const lease = isObject(raw.lease_range) ? raw.lease_range : {};
  const [start, end] = [lease.start_ip, lease.end_ip].map((one) => (one ? parseAddress(text(one)) : undefined));
  // The network's own address and the broadcast address are none of a container's.
  const inside = (address: Address | undefined): Address | undefined =>
    address === undefined || sameAddress(address, firstOf(prefix)) || sameAddress(address, lastOf(prefix))
      ? undefined
      : address;
  return { prefix, gateway: text(raw.gateway) || undefined, start: inside(start), end: inside(end) };
}
