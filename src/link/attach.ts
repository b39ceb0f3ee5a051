import { ErrorCode, PluginError } from "../errors.ts";
import { allIpvlans, allLinks, type Link, linkByName } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import type { Namespace } from "../system/namespace.ts";
import {
  type Attachment,
  attachmentsOnParent,
  findAttachment,
  forgetAttachment,
  forgetParentIfUnused,
  parentKey,
  recordAttachment,
  recordedPort,
  recordPort,
  withParentLock,
} from "./attachments.ts";
import { closeContainer, findContainer } from "./container.ts";
import { createInNamespace, ownerAlias, remove } from "./ipvlan.ts";
import { describePort, flags, modes } from "./modes.ts";
import { ensureParent, isOurs, type NamedParent } from "./parent.ts";

/** Where the links of one ADD lie: sockets, and the container's namespace. */
export interface Places {
  /** The parent's namespace: the host's, or the container's with linkInContainer. */
  readonly lower: NetlinkSocket;
  readonly container: NetlinkSocket;
  readonly namespace: Namespace;
}

export interface Attached {
  readonly parent: Link;
  readonly link: Link;
}

/**
 * Makes the parent where it is missing, and an ipvlan on it in the container's namespace, and remembers both.
 * All under the parent's lock: an attachment that another process adds or takes away is seen either before or after.
 * Leaves nothing behind when it fails.
 */
export function attach(places: Places, parent: NamedParent, attachment: Attachment, mtu: number): Attached {
  return withParentLock(attachment.parent, () => {
    const { lower, container, namespace } = places;
    const parentLink = ensureParent(lower, parent);
    try {
      if (mtu > parentLink.mtu) {
        throw new PluginError(
          ErrorCode.invalidConfiguration,
          `mtu ${mtu} is larger than the parent's: ${parentLink.name} has ${parentLink.mtu}`,
          "/mtu",
        );
      }
      claimPort(lower, parentLink, attachment);
      recordAttachment(attachment);
      const { ifname, mode, flag } = attachment;
      const link = createInNamespace(lower, parentLink, container, namespace.fd, { ifname, mode, flag, mtu });
      return { parent: parentLink, link };
    } catch (error) {
      release(lower, attachment);
      throw error;
    }
  });
}

/**
 * Refuses a container's second ADD under the same interface name, and clears away what is left of a first one whose
 * interface is gone: its container ended without DEL. Call it before {@link attach}, outside of any lock.
 */
export function clearStaleAttachment(lower: NetlinkSocket, network: string, containerId: string, ifname: string): void {
  const earlier = findAttachment(network, containerId, ifname);
  if (earlier === undefined) return;
  if (isAlive(earlier)) {
    throw new PluginError(
      ErrorCode.interfaceExists,
      `container ${containerId} is attached to network ${network} as ${ifname} already: DEL it first`,
    );
  }
  releaseParent(lower, earlier);
}

/** Forgets the attachment and takes its parent away if it is ours and was its last. Everything may be gone already. */
export function releaseParent(lower: NetlinkSocket, attachment: Attachment): void {
  withParentLock(attachment.parent, () => release(lower, attachment));
}

/** Takes away every parent of ours that no attachment uses: what an ADD or DEL that was killed can leave. */
export function removeAbandonedParents(host: NetlinkSocket): void {
  for (const { name } of allLinks(host).filter(isOurs)) {
    withParentLock(parentKey(name, undefined), () => {
      if (forgetParentIfUnused(name)) removeParent(host, name);
    });
  }
}

function removeParent(lower: NetlinkSocket, name: string): void {
  const link = linkByName(lower, name);
  if (link !== undefined && isOurs(link)) remove(lower, link);
}

function release(lower: NetlinkSocket, attachment: Attachment): void {
  const last = forgetAttachment(attachment);
  if (!last || attachment.linkInContainer) return;
  removeParent(lower, attachment.parentName);
}

/**
 * Makes sure that the parent's port has, or may get, this mode and flag: a new ipvlan with another mode or flag silently
 * changes every other one on the parent (drivers/net/ipvlan/ipvlan_main.c, ipvlan_link_new).
 */
function claimPort(lower: NetlinkSocket, parent: Link, attachment: Attachment): void {
  const wanted = `${attachment.mode} ${attachment.flag}`;
  const recorded = recordedPort(attachment.parent);
  if (recorded === wanted) return;
  if (recorded !== undefined) {
    for (const other of attachmentsOnParent(attachment.parent)) {
      if (`${other.mode} ${other.flag}` === wanted || !isAlive(other)) continue;
      throw conflict(
        parent.name,
        wanted,
        `${other.mode} ${other.flag}`,
        `container ${other.containerId} (network ${other.network})`,
      );
    }
  }
  const foreign = allIpvlans(lower).find(
    ({ lower: index, lowerNamespace, ipvlan }) =>
      index === parent.index &&
      lowerNamespace === undefined &&
      ipvlan !== undefined &&
      (ipvlan.mode !== modes[attachment.mode].number || ipvlan.flags !== flags[attachment.flag]),
  );
  if (foreign?.ipvlan !== undefined) {
    throw conflict(
      parent.name,
      wanted,
      describePort(foreign.ipvlan.mode, foreign.ipvlan.flags),
      `the link ${foreign.name}`,
    );
  }
  recordPort(attachment.parent, wanted);
}

function conflict(parent: string, wanted: string, present: string, holder: string): PluginError {
  return new PluginError(
    ErrorCode.modeConflict,
    `parent ${parent} is in use as ${present} by ${holder}, and all ipvlans of a parent share mode and flag: ` +
      `use ${present} instead of ${wanted}, or another parent (a VLAN sub-interface, say)`,
    "/mode",
  );
}

/** Whether the attachment's interface exists. */
function isAlive(attachment: Attachment): boolean {
  const container = findContainer(attachment.netns);
  if (container === undefined) return false;
  try {
    return linkByName(container.socket, attachment.ifname)?.alias === ownerAlias(attachment.containerId);
  } finally {
    closeContainer(container);
  }
}
