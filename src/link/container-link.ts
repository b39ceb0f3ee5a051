import { type Link, linkByIndex, linkByName } from "../netlink/link.ts";
import { namespaceIdentity } from "../system/namespace.ts";
import { type Container, closeContainer, findContainer } from "./container.ts";
import { isOwnedBy, ownerAlias, remove } from "./ipvlan.ts";
import type { Attachment, LinkIdentity } from "./records.ts";

/** Whether the attachment's interface exists, whatever the container has made of its name, alias or state. */
export function isAlive(attachment: Attachment): boolean {
  const found = openContainerLink(attachment, "");
  if (found !== undefined) closeContainer(found.container);
  return found !== undefined;
}

/** Takes the attachment's interface away, if it exists. */
export function removeContainerLink(attachment: Attachment): void {
  const found = openContainerLink(attachment, "");
  if (found === undefined) return;
  try {
    remove(found.container.socket, found.link);
  } finally {
    closeContainer(found.container);
  }
}

/**
 * The attachment's interface and its namespace, which the caller closes; undefined where no path leads to it any more.
 * @param netns CNI_NETNS, where the runtime gave it: another path to the namespace than the one at ADD may
 */
export function openContainerLink(
  attachment: Attachment,
  netns: string,
): { container: Container; link: Link } | undefined {
  for (const path of new Set([netns, attachment.netns])) {
    const container = path === "" ? undefined : findContainer(path);
    if (container === undefined) continue;
    let link: Link | undefined;
    try {
      link = findContainerLink(container, attachment);
      if (link !== undefined) return { container, link };
    } finally {
      if (link === undefined) closeContainer(container);
    }
  }
  return undefined;
}

/** The attachment's interface in this namespace; undefined where there is none, or it is another's. */
export function findContainerLink({ socket, namespace }: Container, attachment: Attachment): Link | undefined {
  const { ifname, containerId, link: identity } = attachment;
  if (identity === undefined) {
    // Of a record without it, nothing proves more than this.
    const link = linkByName(socket, ifname);
    return link !== undefined && isOwnedBy(link, containerId) ? link : undefined;
  }
  const link = linkByIndex(socket, identity.index);
  if (link === undefined || !isRecorded(link, identity)) return undefined;
  // Where the container has changed the alias, the namespace has to say that it is not another one at the same path by now.
  const isIt = link.alias === ownerAlias(containerId) || namespaceIdentity(namespace) === identity.namespace;
  return isIt ? link : undefined;
}

/**
 * Whether the link, found under its index in its namespace, is the one that ADD made. The namespace's inode number is used again
 * when it is gone, but an index like ours is hardly ever chosen twice, and a link of this kind on this parent nobody makes who
 * has no rights over the parent's namespace.
 */
export function isRecorded(link: Link, identity: LinkIdentity): boolean {
  const isBesideParent = identity.namespace === identity.parentNamespace;
  return (
    link.kind === "ipvlan" &&
    link.index === identity.index &&
    link.lower === identity.parentIndex &&
    (link.lowerNamespace === undefined) === isBesideParent
  );
}
