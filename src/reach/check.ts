import type { NetworkConfig, ReachConfig } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress, sameAddress } from "../ip/address.ts";
import { describePort, modes } from "../link/modes.ts";
import { isHostLink } from "../link/parent/mark.ts";
import { addressesOn, allAddresses } from "../netlink/address.ts";
import { IFF_NOARP, IFF_UP, RT_SCOPE_UNIVERSE } from "../netlink/constants.ts";
import { type Link, linkByName } from "../netlink/link.ts";
import { hasRule } from "../netlink/rule.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { forwardingError, missingProxies, withoutForwarding } from "./announce.ts";
import { type HostAddresses, hostAddresses } from "./host-addresses.ts";
import { hostLinkName, isReady } from "./host-link.ts";
import { hostRoutes, missingLocalRoutes, ownRoutes, rule } from "./host-routes.ts";
import { staleNextHop } from "./next-hop.ts";
import type { Owner } from "./owner.ts";
import { isStrict, strictError } from "./reverse-path.ts";
import { presentSources } from "./source-nat.ts";

/** A container's interface, and what it is compared with. */
export interface Checked {
  readonly host: NetlinkSocket;
  readonly container: NetlinkSocket;
  readonly parent: Link;
  readonly link: Link;
  readonly owner: Owner;
  readonly addresses: readonly Address[];
}

const again = "the container must be attached again (DEL, then ADD)";

/** Compares what the host has for a container with what is to be there; the first difference is the error, with its mend. */
export function checkHostAccess(checked: Checked, config: NetworkConfig, reach: ReachConfig): void {
  const { host, container, parent, link, owner, addresses } = checked;
  const { routed } = modes[config.mode];
  const families = ([4, 6] as const).filter((family) => addresses.some((address) => address.family === family));
  // Before what builds on it: the mend of most other faults is an ADD, and that would be refused.
  if (!routed && families.includes(4) && isStrict(host, parent)) throw asFault(strictError(parent));
  if (reach.announce) {
    const silent = withoutForwarding(host, parent, families);
    if (silent.length > 0) throw asFault(forwardingError(parent, silent));
  }
  const hostLink = linkByName(host, hostLinkName(parent.index));
  if (hostLink === undefined)
    throw fault(`the host's link ${hostLinkName(parent.index)} on ${parent.name} is gone: ${again}`);
  checkHostLink(host, hostLink, parent, config);

  const routes = hostRoutes(host, hostLink.index);
  const own = ownRoutes(routes, owner);
  const onHost = allAddresses(host).map(({ prefix }) => prefix.address);
  for (const address of addresses) {
    const text = formatAddress(address);
    const route = own.find(({ dst }) => sameAddress(dst.address, address));
    if (route === undefined) throw fault(`the host's route to ${text} over ${hostLink.name} is gone: ${again}`);
    const { src } = route;
    if (src !== undefined && !onHost.some((one) => sameAddress(one, src))) {
      throw fault(
        `the host has no address ${formatAddress(src)} any more, which its packets to ${text} come from: ` +
          `give it back to ${parent.name}, or attach the container again (DEL, then ADD)`,
      );
    }
  }
  if (families.includes(4) && !hasRule(host, rule)) {
    throw fault(
      `the rule for the host's routes to containers is gone: ip rule add pref ${rule.priority} lookup ${rule.table} protocol kernel`,
    );
  }
  const found = hostAddresses(host, parent, families, reach.hostAddresses);
  if (routed) {
    const elsewhere = found.flatMap((one) => one.elsewhere);
    const missing = missingLocalRoutes(host, parent.index, elsewhere)[0];
    if (missing !== undefined) {
      const text = formatAddress(missing);
      throw fault(
        `containers do not reach the host's address ${text} over ${parent.name} any more: the next ADD on it mends that`,
      );
    }
  } else {
    const reached = found.filter((one) => one.reached.length > 0);
    const hop = staleNextHop(
      container,
      link,
      reached.map(({ family }) => family),
    );
    if (hop !== undefined) {
      throw fault(
        `the container's next hop ${formatAddress(hop)} to the host lacks the hardware address of ${parent.name}, ` +
          `which was changed: ${again}`,
      );
    }
  }
  if (reach.translateSource) checkSourceNat(parent, hostLink, found);
  if (reach.announce) {
    const missing = missingProxies(host, parent, own)[0];
    if (missing !== undefined) {
      throw fault(
        `the host does not answer for ${formatAddress(missing)} any more, since ${parent.name} was down: ` +
          `ip neigh add proxy ${formatAddress(missing)} dev ${parent.name}, or the next ADD on it`,
      );
    }
  }
}

function checkHostLink(host: NetlinkSocket, hostLink: Link, parent: Link, { mode, flag }: NetworkConfig): void {
  const { name, flags, ipvlan } = hostLink;
  if (!isHostLink(hostLink))
    throw fault(`the link ${name}, the host's on ${parent.name}, belongs to somebody else: ${again}`);
  if (!isReady(hostLink, mode, flag)) {
    if ((flags & IFF_UP) === 0)
      throw fault(`the host's link ${name} was set down, and its routes went with that: ${again}`);
    if ((flags & IFF_NOARP) === 0) throw fault(`the host's link ${name} answers ARP: ip link set ${name} arp off`);
    throw fault(`the host's link ${name} is ${describePort(ipvlan?.mode ?? -1, ipvlan?.flags ?? -1)}: ${again}`);
  }
  const address = addressesOn(host, hostLink.index).find(({ scope }) => scope === RT_SCOPE_UNIVERSE);
  if (address !== undefined) {
    const text = `${formatAddress(address.prefix.address)}/${address.prefix.length}`;
    throw fault(
      `the host's link ${name} has got an address: ip addr del ${text} dev ${name}, with which the kernel removes the routes ` +
        `over it, and ${again}`,
    );
  }
}

function checkSourceNat(parent: Link, hostLink: Link, found: readonly HostAddresses[]): void {
  const present = presentSources(hostLink.name);
  for (const { source } of found) {
    if (source === undefined || present.some((one) => sameAddress(one, source))) continue;
    throw fault(
      `the nf_tables rule is gone that gives translated connections over ${hostLink.name} the source ` +
        `${formatAddress(source)}: the next ADD on ${parent.name} puts it back`,
    );
  }
}

function fault(message: string): PluginError {
  return new PluginError(ErrorCode.checkFailed, message, "/hostAccess");
}

function asFault({ message, details }: PluginError): PluginError {
  return new PluginError(ErrorCode.checkFailed, message, details);
}
