import type { Interface, IpConfig, Result } from "../cni/result.ts";
import { requireCommand } from "../cni/versions.ts";
import type { NetworkConfig, ParentChoice } from "../config/network-config.ts";
import { parseNetworkConfig } from "../config/parse.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { formatAddress, formatPrefix, sameAddress } from "../ip/address.ts";
import { prefixSet } from "../ip/prefix-set.ts";
import { openIpam } from "../ipam/open.ts";
import { type Container, findContainer } from "../link/container.ts";
import { findContainerLink } from "../link/container-link.ts";
import { isOwnedBy } from "../link/ipvlan.ts";
import { macText } from "../link/mac.ts";
import { describePort, flags, modes } from "../link/modes.ts";
import { type Attachment, findAttachment } from "../link/records.ts";
import { allAddresses } from "../netlink/address.ts";
import { IFF_UP, RT_TABLE_MAIN } from "../netlink/constants.ts";
import { type Link, linkByIndex, linkByName } from "../netlink/link.ts";
import { allRoutes, type KernelRoute } from "../netlink/route.ts";
import { type NetlinkSocket, openNetlink } from "../netlink/socket.ts";
import { checkHostAccess } from "../reach/check.ts";
import type { Invocation } from "./invocation.ts";

/** Compares what ADD reported (prevResult) and the configuration with what the kernel has; the first difference is the error. */
export function check(invocation: Invocation): void {
  const { environment, variables, stdin } = invocation;
  const { containerId, ifname, netns } = environment;
  const { config } = parseNetworkConfig(stdin, environment);
  requireCommand("CHECK", config.cniVersion);
  const { prevResult } = config;
  if (prevResult === undefined) {
    throw new PluginError(ErrorCode.invalidConfiguration, "CHECK needs the result of ADD as prevResult", "/prevResult");
  }
  const position = prevResult.interfaces.findIndex(({ name, sandbox }) => name === ifname && sandbox === netns);
  const recorded = prevResult.interfaces[position];
  if (recorded === undefined) {
    throw failed(`prevResult has no interface ${ifname} in ${netns}`, "/prevResult/interfaces");
  }

  const container = findContainer(netns);
  if (container === undefined) throw failed(`the container's namespace ${netns} is gone`);
  const link = linkByName(container.socket, ifname);
  if (link === undefined) throw failed(`interface ${ifname} is gone from ${netns}`);
  const attachment = findAttachment({ network: config.name, containerId, ifname });
  checkOwner(container, link, containerId, attachment);
  checkLink(link, recorded, config);
  const lower = config.linkInContainer ? container.socket : openNetlink();
  const parent = checkParent(lower, link, config, attachment);
  const ips = ownAddresses(prevResult, position);
  checkAddresses(container, link, ips);
  checkRoutes(container, link, prevResult, position);
  if (config.reach !== undefined) {
    const owner = { network: config.name, containerId, ifname };
    const addresses = ips.map(({ address }) => address.address);
    checkHostAccess({ host: lower, container: container.socket, parent, link, owner, addresses }, config, config.reach);
  }
  openIpam({
    config,
    containerId,
    ifname,
    stdin,
    environment: variables,
    hostPrefixes: () => [],
    isHostAddress: () => false,
  }).check({
    ...prevResult,
    ips,
  });
}

function failed(message: string, details = ""): PluginError {
  return new PluginError(
    ErrorCode.checkFailed,
    `${message}: the container must be attached again (DEL, then ADD)`,
    details,
  );
}

/** The interface is the one that ADD made: by its record, or where there is none, by its alias. */
function checkOwner(container: Container, link: Link, containerId: string, attachment: Attachment | undefined): void {
  if (attachment?.link === undefined) {
    if (link.kind !== "ipvlan" || isOwnedBy(link, containerId)) return;
    throw failed(`interface ${link.name} belongs to another container (alias "${link.alias}")`);
  }
  if (findContainerLink(container, attachment)?.index === link.index || link.kind !== "ipvlan") return;
  throw failed(`interface ${link.name} is not the one that ADD made`);
}

function checkLink(link: Link, recorded: Interface, config: NetworkConfig): void {
  const { name, ipvlan } = link;
  if (ipvlan === undefined) throw failed(`interface ${name} is of kind ${link.kind ?? "hardware"}, not ipvlan`);
  if (ipvlan.mode !== modes[config.mode].number || ipvlan.flags !== flags[config.flag]) {
    throw failed(
      `${name}'s port is ${describePort(ipvlan.mode, ipvlan.flags)}, not ${config.mode} ${config.flag}`,
      "/mode",
    );
  }
  if ((link.flags & IFF_UP) === 0) throw failed(`interface ${name} is down`);
  const mac = macText(link.address);
  if (recorded.mac !== undefined && recorded.mac.toLowerCase() !== mac) {
    throw failed(`interface ${name} has MAC ${mac}, not ${recorded.mac}`, "/prevResult/interfaces");
  }
  const mtu = recorded.mtu || config.mtu;
  // A smaller one may be a later plugin's of the chain, which tells nobody (tuning).
  if (mtu !== 0 && link.mtu > mtu) throw failed(`interface ${name} has MTU ${link.mtu}, more than ${mtu}`);
}

/** The parent is there: the one that was chosen at ADD, whatever would be chosen now, under the name that the configuration has. */
function checkParent(
  lower: NetlinkSocket,
  link: Link,
  config: NetworkConfig,
  attachment: Attachment | undefined,
): Link {
  const { parent: choice } = config;
  const index = attachment?.link?.parentIndex ?? link.lower;
  const chosen = index === undefined ? undefined : linkByIndex(lower, index);
  const name = "name" in choice ? choice.name : (attachment?.parentName ?? `link ${index}`);
  const vid = vlanIdOf(choice);
  // A VLAN that goes by another name is known by what it is.
  const fits = vid === undefined ? !("name" in choice) : chosen?.vlanId === vid;
  const parent = ("name" in choice ? linkByName(lower, choice.name) : undefined) ?? (fits ? chosen : undefined);
  if (parent === undefined) throw failed(`parent ${name} is gone`);
  if (link.lower !== parent.index) throw failed(`interface ${link.name}'s parent is link ${link.lower}, not ${name}`);
  if ((parent.flags & IFF_UP) === 0) throw failed(`parent ${parent.name} is down`);
  return parent;
}

function vlanIdOf(choice: ParentChoice): number | undefined {
  if (!("vlan" in choice)) return undefined;
  return typeof choice.vlan === "object" ? choice.vlan.vid : choice.vlan;
}

/** The addresses of `prevResult` that are our interface's; the others are of plugins before or after this one. */
function ownAddresses({ ips }: Result, position: number): readonly IpConfig[] {
  const own = ips.filter((ip) => ip.interface === position);
  return own.length > 0 ? own : ips.filter((ip) => ip.interface === undefined);
}

function checkAddresses({ socket }: Container, link: Link, own: readonly IpConfig[]): void {
  const ofLink = allAddresses(socket).filter(({ index }) => index === link.index);
  const present = new Set(ofLink.map(({ prefix }) => formatPrefix(prefix)));
  for (const { address } of own) {
    if (!present.has(formatPrefix(address))) {
      throw failed(`interface ${link.name} lacks address ${formatPrefix(address)}`, "/prevResult/ips");
    }
  }
}

/**
 * A route without a table may lie in any: the sbr plugin, later in the chain, moves routes to tables of its own. A result does
 * not say whose its routes are: where earlier plugins gave addresses, too, those count that lead over a gateway of ours.
 */
function checkRoutes({ socket }: Container, link: Link, prevResult: Result, position: number): void {
  const { interfaces, ips, routes } = prevResult;
  const own = ownAddresses(prevResult, position);
  const ours = new Set(own);
  const hasEarlier = ips.some((ip) => !ours.has(ip) && (ip.interface ?? 0) < position);
  const isBehindOwn = prefixSet(own.map(({ address }) => address));
  const families = new Set(routes.map(({ dst }) => dst.address.family));
  const present = new Map<string, KernelRoute[]>();
  for (const route of [...families].flatMap((family) => allRoutes(socket, family))) {
    const to = formatPrefix(route.dst);
    const others = present.get(to);
    if (others === undefined) present.set(to, [route]);
    else others.push(route);
  }
  const isAlone = interfaces.filter(({ sandbox }) => sandbox !== undefined).length === 1;
  for (const route of routes) {
    const { dst, table, priority } = route;
    const gw = route.gw?.value === 0n ? undefined : route.gw;
    if (hasEarlier && (gw === undefined || !isBehindOwn(gw))) continue;
    const found = present
      .get(formatPrefix(dst))
      ?.some(
        (one) =>
          (!isAlone || one.interfaces.includes(link.index)) &&
          (gw === undefined || (one.gw !== undefined && sameAddress(one.gw, gw))) &&
          (table === undefined || one.table === (table === 0 ? RT_TABLE_MAIN : table)) &&
          (priority === undefined || priority === 0 || one.priority === priority),
      );
    if (!found) {
      const gateway = gw === undefined ? `dev ${link.name}` : `via ${formatAddress(gw)}`;
      throw failed(`the route ${formatPrefix(dst)} ${gateway} is gone`, "/prevResult/routes");
    }
  }
}
