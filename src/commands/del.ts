import { parseForRemoval, type RemovalConfig } from "../config/removal.ts";
import { openForRemoval } from "../ipam/open.ts";
import { findContainer } from "../link/container.ts";
import { isOwnedBy, remove } from "../link/ipvlan.ts";
import { releaseParent } from "../link/parent/release.ts";
import { type AttachmentId, findAttachment, parentKey } from "../link/records.ts";
import { linkByName } from "../netlink/link.ts";
import { openNetlink } from "../netlink/socket.ts";
import { removeHostAccess } from "../reach/remove.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Takes an attachment away. Succeeds when anything or everything is gone already; what fails can be tried again, since the
 * address is given back last, but by an IPAM that does so over the interface: then that is last.
 */
export function del(invocation: Invocation): void {
  const { environment, variables, stdin } = invocation;
  const { containerId, ifname, netns } = environment;
  const config = parseForRemoval(stdin, environment);

  const attachment = findAttachment(config.name, containerId, ifname);
  if (attachment?.hostAccess !== undefined || config.hostAccess) {
    removeHostAccess(openNetlink(), { network: config.name, containerId, ifname }, attachment);
  }
  const ipam = openForRemoval({ config, containerId, ifname, stdin, environment: variables });
  if (ipam.releasesOverLink) ipam.del();
  const container = netns === "" ? undefined : findContainer(netns);
  if (container !== undefined) {
    const link = linkByName(container.socket, ifname);
    if (link !== undefined && isOwnedBy(link, containerId)) remove(container.socket, link);
  }
  const parentOf = attachment ?? attachmentByConfig(config, containerId, ifname);
  if (parentOf !== undefined) releaseParent(openNetlink, parentOf);
  if (!ipam.releasesOverLink) ipam.del();
}

/** Where nothing readable is recorded: what the configuration says of the parent, if it names one. */
function attachmentByConfig(config: RemovalConfig, containerId: string, ifname: string): AttachmentId | undefined {
  const { name: network, linkInContainer } = config;
  const parent = config.parent();
  if (linkInContainer || (parent?.kind !== "named" && parent?.kind !== "dummy")) return undefined;
  const key = parentKey(parent.name, undefined);
  return { network, containerId, ifname, netns: "", parent: key, parentName: parent.name, linkInContainer };
}
