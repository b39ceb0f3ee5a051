import { releaseReservations } from "../ipam/open.ts";
import { isAlive } from "../link/container-link.ts";
import { releaseParent } from "../link/parent/release.ts";
import { type Attachment, attachmentsOfNetwork } from "../link/records.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { removeHostAccess } from "../reach/remove.ts";
import { livingNamespaces } from "../system/living-namespaces.ts";
import { homeNamespace, namespaceIdentity } from "../system/namespace.ts";

/** How many are named in the warning. */
const SHOWN = 3;

/**
 * Takes back what a network has for containers that are provably gone: whose namespace, as ADD recorded it, no path, process or mount
 * leads to any more. Runtimes lose a DEL now and then, and not all call GC. Called when no address is left.
 *
 * @param host opens a socket in the plugin's own namespace
 * @returns how many attachments were taken back
 */
export function takeBackAbandoned(
  network: string,
  dataDir: string,
  host: () => NetlinkSocket,
  warn: (message: string) => void,
): number {
  const isLiving = livingNamespaces();
  if (isLiving === undefined) return 0;
  const isAbandoned = (attachment: Attachment) =>
    // Of records of earlier versions nobody knows which namespace they mean.
    attachment.link !== undefined && !isLiving(attachment.link.namespace) && !isAlive(attachment);
  const abandoned = attachmentsOfNetwork(network, namespaceIdentity(homeNamespace())).filter(isAbandoned);
  for (const attachment of abandoned) {
    const { containerId, ifname } = attachment;
    if (attachment.hostAccess !== undefined) removeHostAccess(host(), attachment, attachment);
    releaseParent({ host, warn }, attachment);
    releaseReservations(dataDir, network, containerId, ifname);
  }
  if (abandoned.length > 0) {
    const list = abandoned.slice(0, SHOWN).map(({ containerId, ifname }) => `${containerId} ${ifname}`);
    const more = abandoned.length > SHOWN ? ` and ${abandoned.length - SHOWN} more` : "";
    warn(`taken back in network ${network}, whose containers are gone without DEL: ${list.join(", ")}${more}`);
  }
  return abandoned.length;
}
