import { isObject, type JsonObject } from "../../cni/json.ts";
import type { NetworkConfig, Subnet, Vlan } from "../../config/network-config.ts";
import { parseName, parseNetworkConfig } from "../../config/parse.ts";
import { vlanName } from "../../config/vlan-name.ts";
import { PluginError } from "../../errors.ts";
import { type Family, formatAddress, formatPrefix, sameAddress, usableRange } from "../../ip/address.ts";
import { modes } from "../../link/modes.ts";
import { type Converted, Refusal } from "./draft.ts";

const isOwn = (plugin: unknown): plugin is JsonObject => isObject(plugin) && plugin.type === "ipvlan";

/** A configuration, or a list, with the plugins in it. */
function pluginsOf(raw: JsonObject): readonly unknown[] {
  if (Array.isArray(raw.plugins)) return raw.plugins;
  const { cniVersion: _, name: __, ...plugin } = raw;
  return [plugin];
}

function nameOf(raw: JsonObject): string {
  try {
    return parseName(raw.name);
  } catch (error) {
    throw error instanceof PluginError ? new Refusal(error.message) : error;
  }
}

/**
 * A configuration of the reference plugin, or a list with it, for this one: nearly all of it stays as it is. The other plugins of a
 * chain stay, too.
 */
export function fromReference(raw: JsonObject, cniVersion: string): Converted {
  const name = nameOf(raw);
  const remarks: string[] = [];
  const plugins = pluginsOf(raw);
  if (!plugins.some(isOwn)) throw new Refusal(`network ${name} has no plugin of the type ipvlan in it`);
  const { plugins: _, type: __, master: ___, mode: ____, ipam: _____, ...head } = raw;
  const list = {
    ...(Array.isArray(raw.plugins) ? head : {}),
    cniVersion: raw.cniVersion ?? cniVersion,
    name,
    plugins: plugins.map((plugin, index) => (isOwn(plugin) ? adopt(plugin, index, remarks) : plugin)),
  };
  const own = list.plugins.find(isOwn) as JsonObject;
  const { config, warnings } = parse(own, name, list.cniVersion, plugins.findIndex(isOwn));
  remarks.push(...warnings);
  if (modes[config.mode].routed) {
    remarks.push(`in mode ${config.mode} routes lead out of the device: gateways are left out of the result`);
  }
  if (plugins.some((plugin) => isObject(plugin) && plugin.type === "bandwidth")) {
    remarks.push("bandwidth shapes a veth's end on the host, which an ipvlan does not have: it refuses rates");
  }
  return { name, list, remarks };
}

function adopt(plugin: JsonObject, index: number, remarks: string[]): JsonObject {
  const isFirst = index === 0 && plugin.linkInContainer !== true;
  if (!isFirst || plugin.master || plugin.parent) return plugin;
  remarks.push("without master the reference plugin takes the default route's link: here that is written as master");
  const { type, master: _, ...rest } = plugin;
  return { type, master: { defaultRoute: "ipv4" }, ...rest };
}

function parse(
  plugin: JsonObject,
  name: string,
  cniVersion: unknown,
  index: number,
): { config: NetworkConfig; warnings: readonly string[] } {
  const interfaces = [{ name: "eth0", sandbox: "/run/netns/container" }];
  const ips = [{ version: "4", address: "192.0.2.1/24", interface: 0 }];
  const prevResult = index > 0 ? { cniVersion, interfaces, ips } : undefined;
  try {
    return parseNetworkConfig(JSON.stringify({ prevResult, ...plugin, name, cniVersion }), {
      command: "ADD",
      args: "",
      netns: "/run/netns/container",
      ifname: "eth0",
    });
  } catch (error) {
    throw error instanceof PluginError ? new Refusal(`network ${name}: ${error.message}`) : error;
  }
}

/** The keys that both plugins have. */
const shared = ["linkInContainer", "dns", "capabilities", "args", "runtimeConfig"];

/** A list of ours for the reference plugin, where that can do it. @throws Refusal where it cannot */
export function toReference(raw: JsonObject): Converted {
  const name = nameOf(raw);
  const remarks: string[] = [];
  const plugins = pluginsOf(raw);
  const index = plugins.findIndex(isOwn);
  if (index < 0) throw new Refusal(`network ${name} has no plugin of the type ipvlan in it`);
  const own = plugins[index] as JsonObject;
  const { config } = parse(own, name, raw.cniVersion, index);
  const entry: Record<string, unknown> = { type: "ipvlan", ...masterOf(config, remarks) };
  if (config.mode !== "l2") entry.mode = config.mode;
  if (config.flag !== "bridge") {
    throw new Refusal(`network ${name}: the reference plugin knows no flag, and this one's is ${config.flag}`);
  }
  if (config.mtu !== 0) entry.mtu = config.mtu;
  for (const key of shared) if (own[key] !== undefined) entry[key] = own[key];
  const left = [
    "hostAccess",
    "hostAddresses",
    "serviceCIDRs",
    "translateSource",
    "setRpFilter",
    "announce",
    "conflictDetection",
  ];
  for (const key of left) if (own[key]) remarks.push(`${key} is left out: the reference plugin has nothing like it`);
  if (config.ipam.type === "builtin") entry.ipam = hostLocalOf(config, config.ipam.subnets, remarks);
  else if (own.ipam !== undefined) entry.ipam = own.ipam;
  const list = {
    ...(Array.isArray(raw.plugins) ? raw : {}),
    cniVersion: raw.cniVersion ?? "1.0.0",
    name,
    plugins: plugins.map((plugin, at) => (at === index ? entry : plugin)),
  };
  return { name, list, remarks };
}

function masterOf({ name, parent }: NetworkConfig, remarks: string[]): { master?: string } {
  switch (parent.kind) {
    case "chained":
      return {};
    case "named":
      return parent.vlan === undefined ? { master: parent.name } : { master: madeByHand(parent.vlan, remarks) };
    case "vlan":
      return { master: madeByHand(parent.vlan, remarks) };
    case "defaultRoute":
      if (parent.family !== 6 && parent.vlan === undefined) return {};
      throw new Refusal(
        `network ${name}: the reference plugin picks a parent by the IPv4 default route alone: name one`,
      );
    case "subnet":
      throw new Refusal(`network ${name}: the reference plugin picks no parent by its subnet: name one`);
    case "dummy":
      remarks.push(`the reference plugin makes no dummy link: ip link add ${parent.name} up type dummy`);
      return { master: parent.name };
  }
}

/** The name of a VLAN that the reference plugin does not make. */
function madeByHand({ base, vid }: Vlan, remarks: string[]): string {
  const name = vlanName(base, vid);
  remarks.push(`the reference plugin makes no VLAN: ip link add link ${base} name ${name} up type vlan id ${vid}`);
  return name;
}

/** A container of ours gets one address of each family, as from one set of ranges. */
function hostLocalOf(config: NetworkConfig, subnets: readonly Subnet[], remarks: string[]): object {
  if (config.ipam.type === "builtin" && config.ipam.defaultPool) {
    throw new Refusal(`network ${config.name}: host-local has no default pool: name an IPv4 subnet in ipam.subnets`);
  }
  const families = ([4, 6] as const).filter((family) => subnets.some(({ subnet }) => subnet.address.family === family));
  const of = (family: Family): readonly Subnet[] => subnets.filter(({ subnet }) => subnet.address.family === family);
  for (const { excluded, subnet } of subnets) {
    if (excluded.length > 0)
      remarks.push(`host-local leaves no addresses out: auxAddresses of ${formatPrefix(subnet)}`);
  }
  const { routed } = modes[config.mode];
  const hasDefault = (family: Family): boolean =>
    !config.isolated && config.impliedRoutes && (routed || of(family).some(({ gateway }) => gateway !== undefined));
  const routes = [
    ...(config.ipam.type === "builtin" ? config.ipam.routes : []).map(({ dst, gw }) => ({
      dst: formatPrefix(dst),
      gw: gw && formatAddress(gw),
    })),
    ...families.filter(hasDefault).map((family) => ({ dst: family === 4 ? "0.0.0.0/0" : "::/0" })),
  ];
  return {
    type: "host-local",
    ranges: families.map((family) =>
      of(family).map(({ subnet, gateway, first, last }) => {
        const usable = usableRange(subnet);
        return {
          subnet: formatPrefix(subnet),
          rangeStart: sameAddress(first, usable.first) ? undefined : formatAddress(first),
          rangeEnd: sameAddress(last, usable.last) ? undefined : formatAddress(last),
          gateway: gateway && formatAddress(gateway),
        };
      }),
    ),
    routes: routes.length === 0 ? undefined : routes,
  };
}
