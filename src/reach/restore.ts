import { closeContainer } from "../link/container.ts";
import { openContainerLink } from "../link/container-link.ts";
import { modes } from "../link/modes.ts";
import { type Attachment, allAttachments, withParent } from "../link/records.ts";
import { type Link, linkByIndex, linkByName } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { carryOut } from "../netlink/steps.ts";
import { homeNamespace, namespaceIdentity } from "../system/namespace.ts";
import { announce } from "./announce.ts";
import { addressesOf, establish } from "./establish.ts";
import { type HostAddresses, hostAddresses } from "./host-addresses.ts";
import { routesToHost, stepsToHost } from "./next-hop.ts";
import { ensureSourceNat } from "./source-nat.ts";

/**
 * Puts back what the host has lost for its containers: by a parent that was set down, a hardware address or an address of the host's
 * that is another one now, a firewall loaded anew, or a hand.
 *
 * @param fail is told what could not be put back; the others are
 */
export function restoreHostAccess(host: NetlinkSocket, fail: (attachment: Attachment, error: unknown) => void): void {
  for (const attachment of allAttachments(namespaceIdentity(homeNamespace()))) {
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
  const { link, parentName } = attachment;
  const parent = link === undefined ? linkByName(host, parentName) : linkByIndex(host, link.parentIndex);
  if (parent === undefined) return;
  const addresses = addressesOf(recorded.addresses);
  const families = ([4, 6] as const).filter((family) => addresses.some((address) => address.family === family));
  const found = hostAddresses(host, parent, families, addressesOf(recorded.hostAddresses));
  if (!restoreContainer(attachment, parent, found)) return;
  withParent(attachment.parent, () => establish(host, parent, undefined, attachment, recorded, addresses, found));
  if (recorded.translated) ensureSourceNat(recorded.link, found);
  if (recorded.announced) announce(parent, addresses);
}

/** In mode l2 the container's next hop gets the parent's hardware address. @returns false where the container is gone */
function restoreContainer(attachment: Attachment, parent: Link, found: readonly HostAddresses[]): boolean {
  const present = openContainerLink(attachment, "");
  if (present === undefined) return false;
  const { container, link, nsid } = present;
  const { mode } = attachment;
  try {
    if (link.lower !== parent.index || nsid !== undefined) return false;
    if (!modes[mode].routed) {
      carryOut(container.socket, stepsToHost(link, link.address, routesToHost(mode, found, [], [])).steps);
    }
    return true;
  } finally {
    closeContainer(container);
  }
}
