import type { NetworkConfig, ReachConfig } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress } from "../ip/address.ts";
import { modes } from "../link/modes.ts";
import { type Attachment, amendAttachment, withParentLock } from "../link/records.ts";
import { type Link, linkByName } from "../netlink/link.ts";
import type { RouteOptions } from "../netlink/route.ts";
import { NetlinkError, type NetlinkSocket } from "../netlink/socket.ts";
import { announceAll } from "./announce.ts";
import { type HostAddresses, hostAddresses } from "./host-addresses.ts";
import { ensureHostLink, hostLinkName } from "./host-link.ts";
import { addHostRoutes, addLocalRoutes } from "./host-routes.ts";
import { addRoutesToHost, routesToHost } from "./next-hop.ts";
import { isStrict, setLoose, strictError } from "./reverse-path.ts";
import { ensureSourceNat } from "./source-nat.ts";

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

type Port = Pick<NetworkConfig, "mode" | "flag">;

/**
 * Lets host and container reach each other, and those who ask the host for the container reach it. What it has made when it throws
 * is for {@link removeHostAccess} to take away.
 * @returns the routes that the container's interface has got
 */
export function addHostAccess(attached: Attached, { mode, flag }: Port, reach: ReachConfig): RouteOptions[] {
  const { host, container, parent, link, attachment, addresses, warn } = attached;
  const families = ([4, 6] as const).filter((family) => addresses.some((address) => address.family === family));
  const { routed } = modes[mode];
  if (!routed && families.includes(4)) makeLoose(host, parent, reach.setRpFilter, warn);
  const found = hostAddresses(host, parent, families, reach.hostAddresses);
  if (found.every(({ reached }) => reached.length === 0)) {
    warn("the host has no address that containers could reach: name one in hostAddresses");
  }

  const toHost = addRoutesToHost(container, link, routesToHost(mode, found, reach.serviceCIDRs, attached.routes));
  withParentLock(attachment.parent, () => {
    const name = hostLinkName(parent.index);
    // First of all: DEL takes away what is on record.
    const recorded = { link: name, addresses: addresses.map(formatAddress), announced: reach.announce };
    amendAttachment({ ...attachment, hostAccess: recorded });
    const hostLink = ensureHostLink(host, parent, linkByName(host, name), mode, flag);
    if (routed)
      addLocalRoutes(
        host,
        parent.index,
        found.flatMap(({ elsewhere }) => elsewhere),
      );
    const routes = addresses.map((address) => ({ address, source: sourceOf(found, address) }));
    try {
      addHostRoutes(host, hostLink.index, routes, attachment, reach.announce);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      const what = addresses.map(formatAddress).join(" and ");
      throw new PluginError(ErrorCode.kernel, `the host's route to ${what} could not be added`, error.message);
    }
    if (reach.translateSource) {
      ensureSourceNat(
        hostLink.name,
        found.flatMap(({ source }) => source ?? []),
      );
    }
    if (reach.announce) announceAll(host, parent, hostLink, addresses);
  });
  return toHost;
}

function sourceOf(found: readonly HostAddresses[], { family }: Address): Address | undefined {
  return found.find((one) => one.family === family)?.source;
}

function makeLoose(host: NetlinkSocket, parent: Link, allowed: boolean, warn: (message: string) => void): void {
  if (!isStrict(host, parent)) return;
  if (!allowed) throw strictError(parent);
  setLoose(parent);
  warn(`net.ipv4.conf.${parent.name}.rp_filter was 1 (strict) and is 2 (loose) now`);
}
