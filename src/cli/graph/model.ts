import type { Flag, Mode, NetworkConfig } from "../../config/network-config.ts";
import { formatPrefix } from "../../ip/address.ts";
import { isHostLink, isOurs } from "../../link/parent/mark.ts";
import { allAddresses } from "../../netlink/address.ts";
import { IFF_UP } from "../../netlink/constants.ts";
import { allLinks, type Link } from "../../netlink/link.ts";
import { openNetlink } from "../../netlink/socket.ts";
import { readText } from "../../system/files.ts";
import { isLinkLocal, type SeenAttachment, shownContainer } from "../attachments.ts";
import type { OwnNetwork } from "../networks.ts";
import { parentInWords } from "../parent.ts";
import { poolsOf, shownSubnets } from "../pools.ts";

/** What stands where on a host, from its links down to the containers. */
export interface HostGraph {
  readonly host: string;
  readonly links: readonly GraphLink[];
}

export interface GraphLink {
  readonly name: string;
  /** A phrase each: "up", "VLAN 20", addresses. */
  readonly details: readonly string[];
  readonly isFaulty: boolean;
  readonly links: readonly GraphLink[];
  readonly networks: readonly GraphNetwork[];
}

export interface GraphNetwork {
  readonly name: string;
  readonly details: readonly string[];
  /** Who its containers reach. */
  readonly reach: string;
  readonly containers: readonly GraphContainer[];
}

export interface GraphContainer {
  /** Pod or container. */
  readonly name: string;
  readonly ifname: string;
  readonly addresses: readonly string[];
  readonly isAlive: boolean;
}

/** @param networks those that are configured; others are known by their attachments alone */
export function buildGraph(networks: readonly OwnNetwork[], attachments: readonly SeenAttachment[]): HostGraph {
  const host = openNetlink();
  const links = allLinks(host);
  const byName = new Map(links.map((link) => [link.name, link]));
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const addresses = Map.groupBy(
    allAddresses(host).filter(({ prefix }) => !isLinkLocal(prefix.address)),
    ({ index }) => index,
  );
  const configured = new Map(networks.map(({ config }) => [config.name, config]));
  const onParent = new Map<string, Map<string, SeenAttachment[]>>();
  const put = (parent: string, network: string, ...seen: SeenAttachment[]): void => {
    const there = onParent.get(parent) ?? new Map<string, SeenAttachment[]>();
    onParent.set(parent, there);
    const list = there.get(network) ?? [];
    there.set(network, list);
    list.push(...seen);
  };
  for (const { config } of networks) put(parentInWords(host, config).name, config.name);
  for (const seen of attachments) put(seen.attachment.parentName, seen.attachment.network, seen);

  // A VLAN stands on its base, and a bond's own links are not shown.
  const children = new Map<string, string[]>();
  const tops = new Set<string>();
  for (const name of onParent.keys()) {
    let at = name;
    for (let depth = 0; depth < 8; depth++) {
      const base = baseOf(at, byName, byIndex);
      if (base === undefined) break;
      const list = children.get(base) ?? [];
      children.set(base, list);
      if (!list.includes(at)) list.push(at);
      at = base;
    }
    tops.add(at);
  }
  const linkOf = (name: string): GraphLink => {
    const link = byName.get(name);
    return {
      name,
      details: detailsOf(
        link,
        (addresses.get(link?.index ?? -1) ?? []).map(({ prefix }) => formatPrefix(prefix)),
        links,
      ),
      isFaulty: link !== undefined && (link.flags & IFF_UP) === 0,
      links: (children.get(name) ?? []).sort().map(linkOf),
      networks: [...(onParent.get(name) ?? [])].map(([network, seen]) =>
        networkOf(network, configured.get(network), seen),
      ),
    };
  };
  const name = readText("/proc/sys/kernel/hostname")?.trim() ?? "host";
  return { host: name, links: [...tops].sort().map(linkOf) };
}

function baseOf(
  name: string,
  byName: ReadonlyMap<string, Link>,
  byIndex: ReadonlyMap<number, Link>,
): string | undefined {
  const link = byName.get(name);
  if (link !== undefined) {
    if (link.kind !== "vlan" || link.lower === undefined || link.lowerNamespace !== undefined) return undefined;
    return byIndex.get(link.lower)?.name;
  }
  const [, base] = /^(.+)\.\d+$/.exec(name) ?? [];
  return base !== undefined && byName.has(base) ? base : undefined;
}

function detailsOf(link: Link | undefined, addresses: readonly string[], links: readonly Link[]): readonly string[] {
  if (link === undefined) return ["not there yet"];
  const hostLink = links.find((one) => isHostLink(one) && one.lower === link.index);
  return [
    link.vlanId === undefined ? (link.kind ?? "") : `VLAN ${link.vlanId}`,
    (link.flags & IFF_UP) === 0 ? "down" : "up",
    `mtu ${link.mtu}`,
    isOurs(link) ? "made by ipvlan-cni" : "",
    hostLink === undefined ? "" : `host access by ${hostLink.name}`,
    ...addresses,
  ].filter((detail) => detail !== "");
}

function networkOf(
  name: string,
  config: NetworkConfig | undefined,
  attachments: readonly SeenAttachment[],
): GraphNetwork {
  const first = attachments[0]?.attachment;
  const mode = config?.mode ?? first?.mode ?? "l2";
  const flag = config?.flag ?? first?.flag ?? "bridge";
  const subnets = config === undefined ? ["not configured any more"] : poolsOf(config).map(shownSubnets);
  return {
    name,
    details: [flag === "bridge" ? mode : `${mode} ${flag}`, ...subnets],
    reach:
      reachOf(mode, flag, config?.isolated ?? first?.parentName.startsWith("di-") ?? false) +
      (config?.reach === undefined && first?.hostAccess === undefined ? "" : "; and this host"),
    containers: attachments.map(({ attachment, attachment: { ifname }, addresses, isAlive }) => ({
      name: shownContainer(attachment),
      ifname,
      addresses,
      isAlive,
    })),
  };
}

/** Whom containers of such a network reach. */
export function reachOf(mode: Mode, flag: Flag, isIsolated: boolean): string {
  if (isIsolated) return flag === "private" ? "nobody" : "each other alone";
  if (mode !== "l2")
    return flag === "private"
      ? "others that have a route here, not each other"
      : "each other, and others that have a route here";
  if (flag === "private") return "the parent's LAN, not each other";
  return flag === "vepa" ? "the parent's LAN, each other by its switch" : "each other and the parent's LAN";
}
