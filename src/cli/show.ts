import type { NetworkConfig } from "../config/network-config.ts";
import { type Address, formatAddress, formatPrefix } from "../ip/address.ts";
import { allAddresses } from "../netlink/address.ts";
import { IFF_UP } from "../netlink/constants.ts";
import { openNetlink } from "../netlink/socket.ts";
import { UsageError } from "./arguments.ts";
import { type SeenAttachment, seeAttachments } from "./attachments.ts";
import { clusterInWords, clusterJson } from "./cluster/in-words.ts";
import { FINE, type Run } from "./command.ts";
import { attachmentJson, printAttachments } from "./list.ts";
import { ownNetworks } from "./networks.ts";
import { type HostParent, parentInWords } from "./parent.ts";
import { dataDirOf, type PoolState, poolStates, shownSubnets } from "./pools.ts";
import type { Terminal } from "./terminal.ts";

export const show: Run = ({ arguments: given, terminal }) => {
  const [name, ...more] = given.words;
  if (name === undefined || more.length > 0) throw new UsageError("the name of one network is wanted (ipvlan list)");
  const path = given.value("config");
  const networks = ownNetworks(path);
  const found = networks.find(({ config }) => config.name === name);
  const attachments = seeAttachments({ network: name });
  if (found === undefined) {
    if (attachments.length === 0) {
      const known = networks.map(({ config }) => config.name).join(", ");
      throw new UsageError(`there is no network ${name}${known === "" ? "" : `: there are ${known}`}`);
    }
    terminal.warn(`network ${name} has attachments and no valid configuration any more (ipvlan validate)`);
    if (given.has("json")) terminal.printJson({ name, attachments: attachments.map(attachmentJson) });
    else printAttachments(terminal, attachments);
    return FINE;
  }
  const { config, network } = found;
  const host = openNetlink();
  const parent = parentInWords(host, config);
  const own = new Set(allAddresses(host).map(({ prefix }) => formatAddress(prefix.address)));
  const pools = poolStates(config, own);
  if (given.has("json")) terminal.printJson(networkJson(network.file, config, parent, pools, attachments));
  else print(terminal, network.file, config, parent, pools, attachments);
  return FINE;
};

type Parent = Pick<HostParent, "name" | "link">;

function stateOf({ link }: Parent, config: NetworkConfig): string {
  if (link !== undefined) return `${(link.flags & IFF_UP) === 0 ? "down" : "up"}, mtu ${link.mtu}`;
  const { parent } = config;
  const isMade = parent.kind === "dummy" || ("vlan" in parent && parent.vlan !== undefined);
  return isMade ? "made by the first container" : "not there";
}

function print(
  terminal: Terminal,
  file: string,
  config: NetworkConfig,
  parent: Parent,
  pools: readonly PoolState[],
  attachments: readonly SeenAttachment[],
): void {
  const line = (title: string, text: string): void =>
    terminal.print(`${terminal.style("bold", title.padEnd(12))}${text}`);
  line("network", `${config.name}, ${file}`);
  line("mode", `${config.mode}, flag ${config.flag}`);
  line(
    "parent",
    `${parent.name}, ${stateOf(parent, config)}${config.isolated ? "; isolated: no way out of the host" : ""}`,
  );
  line(
    "mtu",
    config.mtu === 0 ? `the parent's${parent.link === undefined ? "" : `, ${parent.link.mtu}`}` : String(config.mtu),
  );
  const dataDir = dataDirOf(config);
  const { ipam } = config;
  line(
    "addresses",
    `${ipam.type === "delegate" ? `plugin ${ipam.plugin}` : ipam.type}${dataDir === undefined ? "" : `, reservations in ${dataDir}/${config.name}`}`,
  );
  for (const [index, text] of clusterInWords(config).entries()) line(index === 0 ? "cluster" : "", text);
  for (const pool of pools) printPool(terminal, line, pool);
  if (ipam.type === "builtin" && ipam.defaultPool && !pools.some(({ spans }) => spans[0]?.first.family === 4)) {
    line("pool", "IPv4: a default pool is chosen by the first container");
  }
  if (ipam.type === "static") line("", ipam.addresses.map(({ address }) => formatPrefix(address)).join(", "));
  terminal.print();
  if (attachments.length === 0) terminal.print("no attachments");
  else printAttachments(terminal, attachments);
}

/** Characters of the bar. */
const barWidth = 20;

function printPool(terminal: Terminal, line: (title: string, text: string) => void, pool: PoolState): void {
  const { size, held, next, spans } = pool;
  const used = size === 0n ? 1 : Math.min(1, held / Number(size));
  const filled = Math.min(barWidth, held === 0 ? 0 : Math.max(1, Math.floor(used * barWidth)));
  const bar = "#".repeat(filled) + ".".repeat(barWidth - filled);
  const shown = terminal.style(used >= 1 ? "red" : used >= 0.9 ? "yellow" : "green", bar);
  const what = next === undefined ? "none is free" : `next ${formatAddress(next)}`;
  line("pool", `${shownSubnets(pool)}`);
  line("", `[${shown}] ${held} of ${size} held, ${what}`);
  const gateways = spans.map(({ gateway }) => gateway).filter((gateway) => gateway !== undefined);
  if (gateways.length > 0) line("", `gateway ${gateways.map(formatAddress).join(", ")}`);
}

function networkJson(
  file: string,
  config: NetworkConfig,
  parent: Parent,
  pools: readonly PoolState[],
  attachments: readonly SeenAttachment[],
): object {
  const { name, mode, flag, mtu, isolated, linkInContainer, ipam, cniVersion } = config;
  const addressOrNull = (address: Address | undefined) => (address === undefined ? null : formatAddress(address));
  return {
    name,
    file,
    cniVersion,
    mode,
    flag,
    mtu,
    isolated,
    linkInContainer,
    parent: parent.name,
    parentUp: parent.link === undefined ? null : (parent.link.flags & IFF_UP) !== 0,
    parentMtu: parent.link?.mtu ?? null,
    ipam: ipam.type === "delegate" ? ipam.plugin : ipam.type,
    dataDir: dataDirOf(config) ?? null,
    pools: pools.map(({ spans, size, held, next }) => ({
      family: spans[0]?.first.family,
      subnets: spans.map(({ subnet, first, last, gateway }) => ({
        subnet: formatPrefix(subnet),
        first: formatAddress(first),
        last: formatAddress(last),
        gateway: addressOrNull(gateway),
      })),
      // Of a /64 more than a number of JSON holds exactly.
      size: String(size),
      held,
      next: addressOrNull(next),
    })),
    cluster: clusterJson(config) ?? null,
    attachments: attachments.map(attachmentJson),
  };
}
