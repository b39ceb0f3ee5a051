import { allLinks, type Link, linkByIndex, linkByName } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { homeNamespace, namespaceIdentity } from "../../system/namespace.ts";
import { closeContainer, findContainer } from "../container.ts";
import { remove } from "../ipvlan.ts";
import {
  type Attachment,
  type AttachmentId,
  findAttachment,
  forgetInNetwork,
  forgetOnParent,
  forgetParentIfUnused,
  olderAttachments,
  parentKey,
  readParentKey,
  withParent,
} from "../records.ts";
import { isOurs, mayBeOurs } from "./mark.ts";
import { otherUse } from "./other-use.ts";

/** What has to be known of an attachment to forget it; the rest where it is known. */
export type Released = AttachmentId & Pick<Attachment, "parent"> & Partial<Attachment>;

export interface Releasing {
  /** Opens a socket in the plugin's own namespace. */
  readonly host: () => NetlinkSocket;
  readonly warn: (message: string) => void;
}

/** Forgets the attachment and takes its parent away if it is ours and was its last. Everything may be gone already. */
export function releaseParent(releasing: Releasing, attachment: Released): void {
  const { parent } = attachment;
  const current = withParent(parent, (port) => {
    const adopted = adoptedMeanwhile(attachment);
    forgetOnParent(attachment, parent);
    forgetParentIfUnused(parent, port, () => {
      if (adopted === undefined) removeLast(releasing, attachment);
    });
    if (adopted === undefined) forgetInNetwork(attachment);
    return adopted;
  });
  if (current !== undefined) releaseParent(releasing, current);
}

/** The attachment under its parent's present folder, where an ADD has taken over what an earlier version recorded. */
function adoptedMeanwhile(attachment: Released): Attachment | undefined {
  if (readParentKey(attachment.parent) !== undefined) return undefined;
  const current = findAttachment(attachment);
  return current === undefined || current.parent === attachment.parent ? undefined : current;
}

/** Takes the parent of a last attachment away, if it is ours, in the namespace in which it lies. */
function removeLast({ host, warn }: Releasing, attachment: Released): void {
  const { parent, parentName = "", parentMayBeOurs, linkInContainer = false, netns = "" } = attachment;
  const place = readParentKey(parent);
  if (!(parentMayBeOurs ?? (place !== undefined || mayBeOurs(parentName)))) return;
  const inNamespace = (namespace: string | undefined, work: (socket: NetlinkSocket) => void) => {
    if (namespace === undefined ? !linkInContainer : namespace === namespaceIdentity(homeNamespace())) {
      return work(host());
    }
    const container = netns === "" ? undefined : findContainer(netns);
    if (container === undefined) return;
    try {
      // The path may lead to another namespace by now.
      const wanted = namespace ?? parent.slice(`${parentName}@`.length);
      if (wanted === namespaceIdentity(container.namespace)) work(container.socket);
    } finally {
      closeContainer(container);
    }
  };
  inNamespace(place?.namespace, (socket) => {
    const link = place === undefined ? linkByName(socket, parentName) : linkByIndex(socket, place.index);
    if (link !== undefined) removeParent(socket, link, warn);
  });
}

/** Takes away every parent of ours that no attachment uses: what an ADD or DEL that was killed can leave. */
export function removeAbandonedParents(host: NetlinkSocket, warn: Releasing["warn"]): void {
  const namespace = namespaceIdentity(homeNamespace());
  for (const link of allLinks(host).filter(isOurs)) {
    const parent = parentKey(link.index, namespace);
    withParent(parent, (port) => forgetParentIfUnused(parent, port, () => removeParent(host, link, warn)));
  }
}

/**
 * Takes our parent away, unless somebody else has begun to use it, whose use would end with it. It is then taken away with a
 * later last attachment, or by GC.
 */
export function removeParent(socket: NetlinkSocket, link: Link, warn: Releasing["warn"]): void {
  if (!isOurs(link)) return;
  // Of an earlier version, whose records are taken over by the next ADD.
  if (olderAttachments({ name: link.name, namespaceInContainer: undefined }).length > 0) return;
  const use = otherUse(socket, link);
  if (use === undefined) remove(socket, link);
  else warn(`${link.name} was made by this plugin and stays, though no container is on it any more: ${use}`);
}
