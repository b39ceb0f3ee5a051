import { closeContainer, findContainer } from "../link/container.ts";
import { isOwnedBy } from "../link/ipvlan.ts";
import { modes } from "../link/modes.ts";
import { type Attachment, attachmentsOfNetwork, knownNetworks, withParentLock } from "../link/records.ts";
import { type Link, linkByName } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { announce } from "./announce.ts";
import { addressesOf, establish } from "./establish.ts";
import { type HostAddresses, hostAddresses } from "./host-addresses.ts";
import { addRoutesToHost, routesToHost } from "./next-hop.ts";

/**
 * Puts back what the host has lost for its containers: by a parent that was set down, a hardware address or an address of the host's
 * that is another one now, a firewall loaded anew, or a hand.
 *
 * @param fail is told what could not be put back; the others are
 */
export function restoreHostAccess(host: NetlinkSocket, fail: (attachment: Attachment, error: unknown) => void): void {
  for (const attachment of knownNetworks().flatMap(attachmentsOfNetwork)) {
    try {
      restore(host, attachment);
    } catch (error) {
      fail(attachment, error);
    }
  }
}

function restore(host: NetlinkSocket, attachment: Attachment): void {
  const recorded = attachment.hostAccess;
  if (recorded === undefined) return;
  const parent = linkByName(host, attachment.parentName);
  if (parent === undefined) return;
  const addresses = addressesOf(recorded.addresses);
  const families = ([4, 6] as const).filter((family) => addresses.some((address) => address.family === family));
  const found = hostAddresses(host, parent, families, addressesOf(recorded.hostAddresses));
  if (!restoreContainer(attachment, parent, found)) return;
  withParentLock(attachment.parent, () => establish(host, parent, attachment, recorded, found));
  if (recorded.announced) announce(parent, addresses);
}

/** In mode l2 the container's next hop gets the parent's hardware address. @returns false where the container is gone */
function restoreContainer(
  { netns, ifname, containerId, mode }: Attachment,
  parent: Link,
  found: readonly HostAddresses[],
): boolean {
  const container = findContainer(netns);
  if (container === undefined) return false;
  try {
    const link = linkByName(container.socket, ifname);
    if (link === undefined || !isOwnedBy(link, containerId) || link.lower !== parent.index) return false;
    if (!modes[mode].routed) addRoutesToHost(container.socket, link, routesToHost(mode, found, [], []));
    return true;
  } finally {
    closeContainer(container);
  }
}
