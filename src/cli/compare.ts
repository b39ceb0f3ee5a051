import type { ParentChoice } from "../config/network-config.ts";
import { vlanName } from "../config/vlan-name.ts";
import { PluginError } from "../errors.ts";
import { contains, formatAddress, formatPrefix } from "../ip/address.ts";
import { modes } from "../link/modes.ts";
import { allAddresses } from "../netlink/address.ts";
import { linkByName } from "../netlink/link.ts";
import { openNetlink } from "../netlink/socket.ts";
import { findProgram } from "../system/programs.ts";
import type { Finding, Network } from "./configurations.ts";
import { parentOnHost } from "./parent.ts";
import { spansOf } from "./pools.ts";

/** What is wrong with networks only when they are seen together. */
export function compareNetworks(networks: readonly Network[]): Finding[] {
  return [...doubledNames(networks), ...doubledAddresses(networks), ...mixedPorts(networks)];
}

function doubledNames(networks: readonly Network[]): Finding[] {
  const first = new Map<string, Network>();
  return networks.flatMap((network) => {
    const { name, file } = network;
    const other = first.get(name);
    if (other === undefined) first.set(name, network);
    if (other === undefined || name === "") return [];
    return [
      network.find("error", "/name", `network ${name} is in ${other.file} already, and ${file} is not read as another`),
    ];
  });
}

/** Two networks that give the same addresses to containers that could meet. */
function doubledAddresses(networks: readonly Network[]): Finding[] {
  const spans = networks.flatMap((network) =>
    network.own.flatMap(({ entry, config }) => spansOf(config).map((span) => ({ ...span, network, entry, config }))),
  );
  const order = spans.toSorted((a, b) => a.first.family - b.first.family || compare(a.first.value, b.first.value));
  const findings: Finding[] = [];
  let widest = order[0];
  for (const span of order.slice(1)) {
    if (widest === undefined) break;
    const { network, config, entry, pointer, subnet, first } = span;
    const isInside = widest.first.family === first.family && first.value <= widest.last.value;
    // Two isolated networks are on two links that lead nowhere.
    const areApart = config.isolated && widest.config.isolated;
    if (isInside && widest.network !== network && !areApart) {
      const isShared = shownParent(config.parent) === shownParent(widest.config.parent);
      const other = `network ${widest.network.name} (${widest.network.file})`;
      const message = `${formatPrefix(subnet)} has addresses that ${other} gives out, too, and neither knows of the other's containers: give each an ipRange of its own`;
      findings.push(network.find(isShared ? "error" : "warning", entry.pointer + pointer, message));
    }
    if (!isInside || span.last.value > widest.last.value) widest = span;
  }
  return findings;
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** A parent has one mode and one flag. */
function mixedPorts(networks: readonly Network[]): Finding[] {
  const ports = new Map<string, { port: string; network: Network }>();
  return networks.flatMap((network) =>
    network.own.flatMap(({ entry, config }) => {
      const parent = shownParent(config.parent);
      const port = `${config.mode} ${config.flag}`;
      const other = ports.get(parent);
      if (other === undefined) ports.set(parent, { port, network });
      if (other === undefined || other.port === port) return [];
      const message = `${parent} is ${other.port} for network ${other.network.name} (${other.network.file}): all networks of a parent share mode and flag, and this one's containers would be refused as long as that one has any`;
      return [network.find("error", `${entry.pointer}/mode`, message)];
    }),
  );
}

/** How a network's parent is called in messages. */
export function shownParent(parent: ParentChoice): string {
  switch (parent.kind) {
    case "vlan":
      return vlanName(parent.vlan.base, parent.vlan.vid);
    case "defaultRoute":
      return `the ${parent.family === undefined ? "" : `IPv${parent.family} `}default route's link${parent.vlan === undefined ? "" : `, VLAN ${parent.vlan}`}`;
    case "subnet":
      return `the link in ${formatPrefix(parent.subnet)}${parent.vlan === undefined ? "" : `, VLAN ${parent.vlan}`}`;
    default:
      return parent.name;
  }
}

/** What does not fit the links and plugins of this host. @param folders where plugins are */
export function compareWithHost(networks: readonly Network[], folders: readonly string[]): Finding[] {
  // A host without any plugin runs no containers by itself: somebody checks what is meant for others.
  return [
    ...(folders.length === 0 ? [] : missingPlugins(networks, folders)),
    ...missingParents(networks),
    ...strangeSubnets(networks),
  ];
}

/** Parents that are not there, and that the plugin cannot make. */
function missingParents(networks: readonly Network[]): Finding[] {
  const host = openNetlink();
  return networks.flatMap((network) =>
    network.own.flatMap(({ entry: { pointer }, config }) => {
      try {
        const parent = parentOnHost(host, config);
        if (parent === undefined || parent.link !== undefined || parent.base !== undefined || parent.isDummy) return [];
        const { name, baseName } = parent;
        const what = baseName === undefined ? name : `${baseName}, the base of ${name}`;
        return [network.find("warning", `${pointer}/master`, `this host has no link ${what}`)];
      } catch (error) {
        if (!(error instanceof PluginError)) throw error;
        return [network.find("warning", `${pointer}/master`, error.message)];
      }
    }),
  );
}

function missingPlugins(networks: readonly Network[], folders: readonly string[]): Finding[] {
  return networks.flatMap((network) =>
    network.entries.flatMap(({ type, pointer }) => {
      const ipam = network.own.find(({ entry }) => entry.pointer === pointer)?.config.ipam;
      const wanted = [{ name: type, at: `${pointer}/type` }];
      if (ipam?.type === "delegate") wanted.push({ name: ipam.plugin, at: `${pointer}/ipam/type` });
      return wanted
        .filter(({ name }) => findProgram(folders, name) === undefined)
        .map(({ name, at }) => network.find("error", at, `the plugin ${name} is in none of ${folders.join(", ")}`));
    }),
  );
}

/** In mode l2 containers are neighbours of what is on the parent: their subnet is usually one of its. */
function strangeSubnets(networks: readonly Network[]): Finding[] {
  const host = openNetlink();
  const addresses = allAddresses(host);
  return networks.flatMap((network) =>
    network.own.flatMap(({ entry, config }) => {
      if (modes[config.mode].routed || (config.parent.kind !== "named" && config.parent.kind !== "vlan")) return [];
      const name = shownParent(config.parent);
      const link = linkByName(host, name);
      if (link === undefined) return [];
      return spansOf(config).flatMap(({ subnet, pointer }) => {
        const { family } = subnet.address;
        const own = addresses
          .filter(({ index, prefix }) => index === link.index && prefix.address.family === family)
          .filter(({ prefix }) => family === 4 || prefix.address.value >> 118n !== 0x3fan);
        if (own.length === 0 || own.some(({ prefix }) => contains(subnet, prefix.address))) return [];
        const list = own.map(({ prefix }) => `${formatAddress(prefix.address)}/${prefix.length}`).join(", ");
        const message = `${formatPrefix(subnet)} is no subnet of ${name}'s, which has ${list}: in mode l2 its containers reach others only if ${name}'s network has this subnet, too`;
        return [network.find("warning", entry.pointer + pointer, message)];
      });
    }),
  );
}
