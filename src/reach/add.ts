import type { Mode, NetworkConfig, ReachConfig } from "../config/network-config.ts";
import { unannounceable } from "../config/reach.ts";
import { type Address, type Family, formatAddress } from "../ip/address.ts";
import { modes } from "../link/modes.ts";
import { type Attachment, amendAttachment, withParent } from "../link/records.ts";
import type { Link } from "../netlink/link.ts";
import type { RouteOptions } from "../netlink/route.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { announce, forwardingError, withoutForwarding } from "./announce.ts";
import { establish } from "./establish.ts";
import { hostAddresses } from "./host-addresses.ts";
import { hostLinkName } from "./host-link.ts";
import { addRoutesToHost, routesToHost } from "./next-hop.ts";
import { isStrict, setLoose, strictError } from "./reverse-path.ts";

/** A container's interface that is there with its addresses. */
export interface Attached {
  readonly host: NetlinkSocket;
  readonly container: NetlinkSocket;
  readonly parent: Link;
  readonly link: Link;
  readonly attachment: Attachment;
  readonly addresses: readonly Address[];
  /** The routes of the interface. */
  readonly routes: readonly RouteOptions[];
  readonly warn: (message: string) => void;
}

/**
 * Lets host and container reach each other, and those who ask the host for the container reach it. What it has made when it throws
 * is for {@link removeHostAccess} to take away.
 * @returns the routes that the container's interface has got
 */
export function addHostAccess(
  attached: Attached,
  { mode }: Pick<NetworkConfig, "mode">,
  reach: ReachConfig,
): RouteOptions[] {
  const { host, container, parent, link, attachment, addresses, warn } = attached;
  const families = ([4, 6] as const).filter((family) => addresses.some((address) => address.family === family));
  const { routed } = modes[mode];
  if (!routed && families.includes(4)) makeLoose(host, parent, reach.setRpFilter, warn);
  if (reach.announce) refuseSilence(host, parent, mode, families);
  const found = hostAddresses(host, parent, families, reach.hostAddresses);
  if (found.every(({ reached }) => reached.length === 0)) {
    warn("the host has no address that containers could reach: name one in hostAddresses");
  }

  const toHost = addRoutesToHost(container, link, routesToHost(mode, found, reach.serviceCIDRs, attached.routes));
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
    establish(host, parent, attachment, recorded, found);
  });
  if (reach.announce) announce(parent, addresses);
  return toHost;
}

function refuseSilence(host: NetlinkSocket, parent: Link, mode: Mode, families: readonly Family[]): void {
  if (mode === "l3" && families.includes(4)) throw unannounceable();
  const silent = withoutForwarding(host, parent, families);
  if (silent.length > 0) throw forwardingError(parent, silent);
}

function makeLoose(host: NetlinkSocket, parent: Link, allowed: boolean, warn: (message: string) => void): void {
  if (!isStrict(host, parent)) return;
  if (!allowed) throw strictError(parent);
  setLoose(parent);
  warn(`net.ipv4.conf.${parent.name}.rp_filter was 1 (strict) and is 2 (loose) now`);
}
