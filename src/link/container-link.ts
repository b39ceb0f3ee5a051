import { type Link, linkByIndex, linkByName } from "../netlink/link.ts";
import { knownNamespaces } from "../netlink/nsid.ts";
import { pathToNamespace } from "../system/living-namespaces.ts";
import { namespaceIdentity } from "../system/namespace.ts";
import { type Container, closeContainer, findContainer } from "./container.ts";
import { isOwnedBy, ownerAlias, remove } from "./ipvlan.ts";
import type { Attachment, LinkIdentity } from "./records.ts";

/** Whether the attachment's interface exists, whatever the container has made of its name, alias, state or place. */
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
    removeFound(found);
  } finally {
    closeContainer(found.container);
  }
}

/** An attachment's interface, and its container's namespace. */
export interface FoundLink {
  readonly container: Container;
  readonly link: Link;
  /** Where the container has moved it on to a namespace of its own: that one's number in the container's. */
  readonly nsid: number | undefined;
}

export function removeFound({ container, link: { index, name }, nsid }: FoundLink): void {
  remove(container.socket, { index, name, nsid });
}

/**
 * Finds the attachment's interface. The caller closes the container.
 * @param netns CNI_NETNS, where the runtime gave it: another path to the namespace than the one at ADD may
 * @returns undefined where there is none any more, or nothing leads to it: no path, process or mount that is seen from here
 */
export function openContainerLink(attachment: Attachment, netns: string): FoundLink | undefined {
  const paths = new Set([netns, attachment.netns]);
  for (const path of paths) {
    const found = lookAt(path, attachment);
    if (found !== undefined) return found;
  }
  const { namespace } = attachment.link ?? {};
  const other = namespace === undefined ? undefined : pathToNamespace(namespace);
  return other === undefined ? undefined : lookAt(other, attachment, true);
}

/** @param thoroughly also where the container may have moved it */
function lookAt(path: string, attachment: Attachment, thoroughly = false): FoundLink | undefined {
  const container = path === "" ? undefined : findContainer(path);
  if (container === undefined) return undefined;
  let found: FoundLink | undefined;
  try {
    const link = findContainerLink(container, attachment);
    if (link !== undefined) found = { container, link, nsid: undefined };
    else if (thoroughly && attachment.link !== undefined) found = findMoved(container, attachment.link);
    return found;
  } finally {
    if (found === undefined) closeContainer(container);
  }
}

/** Who may rule the container's namespace may also move the interface to another one. The kernel keeps its index, if it can. */
function findMoved(container: Container, identity: LinkIdentity): FoundLink | undefined {
  for (const nsid of knownNamespaces(container.socket)) {
    const link = linkByIndex(container.socket, identity.index, nsid);
    if (link?.kind === "ipvlan" && link.lower === identity.parentIndex) return { container, link, nsid };
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
