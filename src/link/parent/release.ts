import { allLinks, type Link, linkByName } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { namespaceIdentity } from "../../system/namespace.ts";
import { closeContainer, findContainer } from "../container.ts";
import { remove } from "../ipvlan.ts";
import { type AttachmentId, forgetAttachment, forgetParentIfUnused, parentKey, withParentLock } from "../records.ts";
import { isOurs, mayBeOurs } from "./mark.ts";

/** Forgets the attachment and takes its parent away if it is ours and was its last. Everything may be gone already. */
export function releaseParent(host: () => NetlinkSocket, attachment: AttachmentId): void {
  withParentLock(attachment.parent, () => {
    // Before the record is gone: should the socket fail, a second DEL has to find it.
    const socket = mayBeOurs(attachment.parentName) ? host() : undefined;
    if (!forgetAttachment(attachment) || socket === undefined) return;
    if (!attachment.linkInContainer) return removeParent(socket, attachment.parentName);
    const container = findContainer(attachment.netns);
    if (container === undefined) return;
    try {
      // The path may lead to another namespace by now.
      const key = parentKey(attachment.parentName, namespaceIdentity(container.namespace));
      if (key === attachment.parent) removeParent(container.socket, attachment.parentName);
    } finally {
      closeContainer(container);
    }
  });
}

/** Takes away every parent of ours that no attachment uses: what an ADD or DEL that was killed can leave. */
export function removeAbandonedParents(host: NetlinkSocket): void {
  for (const { name } of allLinks(host).filter(isOurs)) {
    withParentLock(parentKey(name, undefined), () => {
      if (forgetParentIfUnused(name)) removeParent(host, name);
    });
  }
}

/**
 * Takes our parent away, unless a link stands on it that would go with it: a VLAN in the VLAN, or one that somebody made
 * by hand. It is taken away with a later last attachment, or by GC.
 */
export function removeParent(lower: NetlinkSocket, name: string): void {
  const link = linkByName(lower, name);
  if (link === undefined || !isOurs(link)) return;
  const isOnIt = (one: Link) => one.lower === link.index && one.lowerNamespace === undefined;
  if (!allLinks(lower).some(isOnIt)) remove(lower, link);
}
