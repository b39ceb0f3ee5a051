import { parseForRemoval } from "../config/removal.ts";
import { openForRemoval } from "../ipam/open.ts";
import { findContainer } from "../link/container.ts";
import { openContainerLink, removeFound } from "../link/container-link.ts";
import { isOwnedBy, remove } from "../link/ipvlan.ts";
import { releaseParent } from "../link/parent/release.ts";
import { type AttachmentId, findAttachment, parentsOfUnreadable } from "../link/records.ts";
import { linkByName } from "../netlink/link.ts";
import { openNetlink } from "../netlink/socket.ts";
import { removeHostAccess } from "../reach/remove.ts";
import type { Invocation } from "./invocation.ts";
import { tellNameIsGone } from "./tell-cluster.ts";

/**
 * Takes an attachment away. Succeeds when anything or everything is gone already; what fails can be tried again, since the
 * address is given back last, but by an IPAM that does so over the interface: then that is last.
 */
export function del(invocation: Invocation): void {
  const { environment, variables, stdin, warn } = invocation;
  const { containerId, ifname, netns } = environment;
  const config = parseForRemoval(stdin, environment);

  const id = { network: config.name, containerId, ifname };
  const attachment = findAttachment(id);
  if (attachment?.hostAccess !== undefined || config.hostAccess) removeHostAccess(openNetlink(), id, attachment);
  const ipam = openForRemoval({ config, containerId, ifname, stdin, environment: variables });
  if (ipam.releasesOverLink) ipam.del();
  const releasing = { host: openNetlink, warn };
  if (attachment !== undefined) {
    // Left open: this process ends soon.
    const found = openContainerLink(attachment, netns);
    if (found !== undefined) removeFound(found);
    releaseParent(releasing, attachment);
  } else {
    removeByAlias(id, netns);
    for (const parent of parentsOfUnreadable(id)) releaseParent(releasing, { ...id, parent });
  }
  if (!ipam.releasesOverLink) ipam.del();
  tellNameIsGone(invocation, config);
}

/** Where nothing readable is recorded: the interface of this name, if the alias that it still has says whose it is. */
function removeByAlias({ containerId, ifname }: AttachmentId, netns: string): void {
  const container = netns === "" ? undefined : findContainer(netns);
  if (container === undefined) return;
  const link = linkByName(container.socket, ifname);
  if (link !== undefined && isOwnedBy(link, containerId)) remove(container.socket, link);
}
