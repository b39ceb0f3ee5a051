import type { Mode, ReachConfig } from "../config/network-config.ts";
import { unannounceable } from "../config/reach.ts";
import { type Address, type Family, formatAddress } from "../ip/address.ts";
import type { NewLink } from "../link/configure.ts";
import { modes } from "../link/modes.ts";
import { type Attachment, amendAttachment, withParent } from "../link/records.ts";
import { foundLink, type Link, nameQuery } from "../netlink/link.ts";
import type { RouteOptions } from "../netlink/route.ts";
import { exchange, type NetlinkSocket } from "../netlink/socket.ts";
import { announce, forwardingError, withoutForwarding } from "./announce.ts";
import { establish } from "./establish.ts";
import { type HostAddresses, hostAddresses } from "./host-addresses.ts";
import { hostLinkName } from "./host-link.ts";
import { routesToHost, type StepsToHost, stepsToHost } from "./next-hop.ts";
import { isStrictBy, setLoose, strictError, strictnessQueries } from "./reverse-path.ts";
import { ensureSourceNat } from "./source-nat.ts";

/** What host access comes to for a container. */
export interface HostAccessPlan {
  /** The host's addresses. */
  readonly found: readonly HostAddresses[];
  /** What had the name of the host's link then. */
  readonly hostLink: Link | undefined;
  /** The container's way to them: steps for its namespace. */
  readonly toHost: StepsToHost;
}

/** A container's interface that is there with its addresses and routes. */
export interface Attached {
  readonly host: NetlinkSocket;
  readonly parent: Link;
  readonly attachment: Attachment;
  readonly addresses: readonly Address[];
}

/**
 * Looks what host access needs, before anything is told to the network.
 * @param link the container's interface, which has the parent's hardware address as all ipvlans have
 * @param routes those that it will have
 * @throws PluginError where it could not work
 */
export function planHostAccess(
  { host, parent, addresses }: Omit<Attached, "attachment">,
  link: NewLink,
  routes: readonly RouteOptions[],
  mode: Mode,
  reach: ReachConfig,
  warn: (message: string) => void,
): HostAccessPlan {
  const families = ([4, 6] as const).filter((family) => addresses.some((address) => address.family === family));
  const isFiltered = !modes[mode].routed && families.includes(4);
  const [named, ...filters] = exchange(host, [
    nameQuery(hostLinkName(parent.index)),
    ...(isFiltered ? strictnessQueries(parent) : []),
  ]);
  if (isFiltered && isStrictBy(filters)) makeLoose(parent, reach.setRpFilter, warn);
  if (reach.announce) refuseSilence(host, parent, mode, families);
  const found = hostAddresses(host, parent, families, reach.hostAddresses);
  if (found.every(({ reached }) => reached.length === 0)) {
    warn("the host has no address that containers could reach: name one in hostAddresses");
  }
  return {
    found,
    hostLink: foundLink(named),
    toHost: stepsToHost(link, parent.address, routesToHost(mode, found, reach.serviceCIDRs, routes)),
  };
}

/**
 * Lets the host reach the container, and those who ask the host for it. What it has made when it throws is for
 * {@link removeHostAccess} to take away.
 */
export function addHostAccess(attached: Attached, { found, hostLink }: HostAccessPlan, reach: ReachConfig): void {
  const { host, parent, attachment, addresses } = attached;
  const recorded = {
    link: hostLinkName(parent.index),
    addresses: addresses.map(formatAddress),
    announced: reach.announce,
    translated: reach.translateSource,
    hostAddresses: reach.hostAddresses.map(formatAddress),
  };
  withParent(attachment.parent, () => {
    // First of all: DEL takes away what is on record.
    amendAttachment({ ...attachment, hostAccess: recorded });
    establish(host, parent, hostLink, attachment, recorded, addresses, found);
  });
  if (recorded.translated) ensureSourceNat(recorded.link, found);
  if (reach.announce) announce(parent, addresses);
}

function refuseSilence(host: NetlinkSocket, parent: Link, mode: Mode, families: readonly Family[]): void {
  if (mode === "l3" && families.includes(4)) throw unannounceable();
  const silent = withoutForwarding(host, parent, families);
  if (silent.length > 0) throw forwardingError(parent, silent);
}

function makeLoose(parent: Link, allowed: boolean, warn: (message: string) => void): void {
  if (!allowed) throw strictError(parent);
  setLoose(parent);
  warn(`net.ipv4.conf.${parent.name}.rp_filter was 1 (strict) and is 2 (loose) now`);
}
