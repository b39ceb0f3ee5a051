import { ErrorCode, PluginError } from "../errors.ts";
import type { Link } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { Errno } from "../system/errno.ts";
import { homeNamespace, type Namespace, namespaceIdentity } from "../system/namespace.ts";
import { isAlive } from "./container-link.ts";
import { createInNamespace, explainRefusal, freeIndex, leastFreeIndex, remove } from "./ipvlan.ts";
import type { WantedParent } from "./parent/choose.ts";
import { type FoundParent, findParent, makeParent } from "./parent/ensure.ts";
import { isOurs } from "./parent/mark.ts";
import { type Releasing, releaseParent, removeParent } from "./parent/release.ts";
import { portText, refuseConflict } from "./parent/shared-port.ts";
import { refuseMtu } from "./parent/usable.ts";
import {
  type Attachment,
  type AttachmentId,
  adoptOlder,
  attachmentsOnParent,
  findAttachment,
  forgetInNetwork,
  forgetOnParent,
  forgetParentIfUnused,
  parentKey,
  recordAttachment,
  withParent,
} from "./records.ts";

/** Where the links of one ADD lie: sockets, and the container's namespace. */
export interface Places {
  /** The parent's namespace: the host's, or the container's with linkInContainer. */
  readonly lower: NetlinkSocket;
  readonly container: NetlinkSocket;
  readonly namespace: Namespace;
}

/** What is to be attached. */
export type Wish = AttachmentId &
  Pick<Attachment, "netns" | "linkInContainer" | "mode" | "flag" | "pod"> & {
    /** Bytes; 0: the parent's. */
    readonly mtu: number;
  };

export interface Attached {
  readonly parent: Link;
  /** The container's link, down and without addresses. */
  readonly link: { readonly index: number; readonly name: string };
  readonly attachment: Attachment;
}

/** A parent that comes and goes as often as this is somebody's mistake. */
const attempts = 10;

/**
 * Makes the parent where it is missing, and an ipvlan on it in the container's namespace, and remembers both.
 * Leaves nothing behind when it fails.
 */
export function attach(places: Places, wanted: WantedParent, wish: Wish, warn: Releasing["warn"]): Attached {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const found = findParent(places.lower, wanted, attempt > 1);
    const attached = attachTo(places, found, wish, warn);
    if (attached !== undefined) return attached;
  }
  throw new PluginError(ErrorCode.tryAgainLater, "the parent comes and goes: somebody else makes and removes it");
}

/**
 * All under the parent's lock: an attachment that another process adds or takes away is seen either before or after.
 * @returns undefined where the parent came or went between the look at it and its lock: look once more
 */
function attachTo(places: Places, found: FoundParent, wish: Wish, warn: Releasing["warn"]): Attached | undefined {
  const { lower, container, namespace } = places;
  const { mtu, ...rest } = wish;
  const namespaces = { container: namespaceIdentity(namespace), host: namespaceIdentity(homeNamespace()) };
  const parentNamespace = wish.linkInContainer ? namespaces.container : namespaces.host;
  // Of one that is to be made, chosen here: its lock and its folder are there before it is.
  const parentIndex = found.link?.index ?? freeIndex(0);
  const key = parentKey(parentIndex, parentNamespace);
  return withParent(key, (port) => {
    let parent: Link | undefined;
    let recorded: Attachment | undefined;
    try {
      parent = found.link ?? makeParent(lower, found.missing, parentIndex, mtu);
      if (parent === undefined) return leave();
      refuseMtu(parent, mtu);
      // Nobody can have anything on a link that was made a moment ago.
      if (found.link !== undefined) {
        const namespaceInContainer = wish.linkInContainer ? parentNamespace : undefined;
        const recordedPort = adoptOlder({ name: parent.name, namespaceInContainer }, key, port);
        const stale = refuseConflict(lower, parent, wish, recordedPort, () => attachmentsOnParent(key));
        for (const link of stale) remove(lower, link);
      }
      if (port.text !== portText(wish)) port.write(portText(wish));
      for (let attempt = 1; ; attempt++) {
        const index = freeIndex(attempt);
        recorded = {
          ...rest,
          host: namespaces.host,
          link: { namespace: namespaces.container, index, parentIndex, parentNamespace },
          parent: key,
          parentName: parent.name,
          // Another process may be about to mark the one that it has made.
          parentMayBeOurs: isOurs(parent) || parentIndex >= leastFreeIndex,
        };
        recordAttachment(recorded);
        const namespaceFd = lower === container ? undefined : namespace.fd;
        const failure = createInNamespace(lower, parent, namespaceFd, index, wish);
        if (failure === undefined) {
          return { parent, link: { index, name: wish.ifname }, attachment: recorded };
        }
        if (failure.errno === Errno.ENODEV && found.link !== undefined) return leave();
        // It may be the index that is taken: in the parent's namespace (EEXIST) or in the container's (EBUSY).
        const isTaken = failure.errno === Errno.EEXIST || failure.errno === Errno.EBUSY;
        if (!isTaken || attempt === 2) throw explainRefusal(failure, lower, parent, wish);
      }
    } catch (error) {
      leave();
      throw error;
    }

    function leave(): undefined {
      if (recorded !== undefined) forgetOnParent(recorded, key);
      forgetParentIfUnused(key, port, () => {
        const isLeft = parent !== undefined && (found.link === undefined || recorded !== undefined);
        if (isLeft && parent !== undefined) removeParent(lower, parent, warn);
      });
      if (recorded !== undefined) forgetInNetwork(recorded);
    }
  });
}

/**
 * Refuses a container's second ADD under the same interface name, and clears away what is left of a first one whose
 * interface is gone: its container ended without DEL. Call it before {@link attach}, outside of any lock.
 * @param release takes away what stands on the parent for the earlier one
 */
export function clearStaleAttachment(
  releasing: Releasing,
  id: AttachmentId,
  release: (earlier: Attachment) => void,
): void {
  const earlier = findAttachment(id);
  if (earlier === undefined) return;
  if (isAlive(earlier)) {
    const { network, containerId, ifname } = id;
    throw new PluginError(
      ErrorCode.interfaceExists,
      `container ${containerId} is attached to network ${network} as ${ifname} already: DEL it first`,
    );
  }
  release(earlier);
  releaseParent(releasing, earlier);
}
