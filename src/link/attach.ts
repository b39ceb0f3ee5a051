import { ErrorCode, PluginError } from "../errors.ts";
import { allIpvlans, allLinks, type Link, linkByName } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { type Namespace, namespaceIdentity } from "../system/namespace.ts";
import {
  type Attachment,
  type AttachmentId,
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
import { createInNamespace, isOwnedBy, remove } from "./ipvlan.ts";
import { describePort } from "./modes.ts";
import { ensureParent, isOurs, mayBeOurs, type NamedParent } from "./parent.ts";

/** Where the links of one ADD lie: sockets, and the container's namespace. */
export interface Places {
  /** The parent's namespace: the host's, or the container's with linkInContainer. */
  readonly lower: NetlinkSocket;
  readonly container: NetlinkSocket;
  readonly namespace: Namespace;
}

export interface Attached {
  readonly parent: Link;
  /** The container's link, down and without addresses. */
  readonly link: { readonly index: number; readonly name: string };
  /** As it is recorded: under the parent's own name. */
  readonly attachment: Attachment;
}

/**
 * Makes the parent where it is missing, and an ipvlan on it in the container's namespace, and remembers both.
 * All under the parent's lock: an attachment that another process adds or takes away is seen either before or after.
 * Leaves nothing behind when it fails.
 */
export function attach(places: Places, parent: NamedParent, attachment: Attachment, mtu: number): Attached {
  const attached = withParentLock(attachment.parent, () => {
    const { lower, container, namespace } = places;
    const { link: parentLink, made } = ensureParent(lower, parent);
    if (parentLink.name !== parent.name) return parentLink.name;
    try {
      if (mtu > parentLink.mtu) {
        throw new PluginError(
          ErrorCode.invalidConfiguration,
          `mtu ${mtu} is larger than the parent's: ${parentLink.name} has ${parentLink.mtu}`,
          "/mtu",
        );
      }
      // Nobody can have anything on a link that was made a moment ago.
      if (made) recordPort(attachment.parent, describe(attachment));
      else claimPort(lower, parentLink, attachment);
      recordAttachment(attachment);
      const { ifname, mode, flag } = attachment;
      const namespaceFd = lower === container ? undefined : namespace.fd;
      const index = createInNamespace(lower, parentLink, namespaceFd, { ifname, mode, flag, mtu });
      return { parent: parentLink, link: { index, name: ifname }, attachment };
    } catch (error) {
      const last = forgetAttachment(attachment);
      if (made || last) removeParent(lower, attachment.parentName);
      throw error;
    }
  });
  if (typeof attached !== "string") return attached;
  // The kernel found the link by one of its alternative names (ip link property add): one port, so one lock and one list.
  const key = attachment.parent.replace(parent.name, () => attached);
  const named = { name: attached, vlan: undefined, dummy: parent.dummy };
  return attach(places, named, { ...attachment, parent: key, parentName: attached }, mtu);
}

/**
 * Refuses a container's second ADD under the same interface name, and clears away what is left of a first one whose
 * interface is gone: its container ended without DEL. Call it before {@link attach}, outside of any lock.
 */
export function clearStaleAttachment(host: NetlinkSocket, network: string, containerId: string, ifname: string): void {
  const earlier = findAttachment(network, containerId, ifname);
  if (earlier === undefined) return;
  if (isAlive(earlier)) {
    throw new PluginError(
      ErrorCode.interfaceExists,
      `container ${containerId} is attached to network ${network} as ${ifname} already: DEL it first`,
    );
  }
  releaseParent(() => host, earlier);
}

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
function removeParent(lower: NetlinkSocket, name: string): void {
  const link = linkByName(lower, name);
  if (link === undefined || !isOurs(link)) return;
  const isOnIt = (one: Link) => one.lower === link.index && one.lowerNamespace === undefined;
  if (!allLinks(lower).some(isOnIt)) remove(lower, link);
}

/** What a container wants of the parent's port. */
export type PortWish = Pick<Attachment, "parent" | "mode" | "flag">;

/** Makes sure that the parent's port has, or may get, this mode and flag. @throws PluginError 101 */
function claimPort(lower: NetlinkSocket, parent: Link, wish: PortWish): void {
  const recorded = refuseConflict(lower, parent, wish);
  const wanted = describe(wish);
  if (recorded !== wanted) recordPort(wish.parent, wanted);
}

/**
 * Refuses a mode or flag that differs from the one that interfaces on the parent have: a new ipvlan with another one would
 * silently change all of them (drivers/net/ipvlan/ipvlan_main.c, ipvlan_link_new).
 *
 * @param lower socket in the parent's namespace. Interfaces that others made are seen there alone: the kernel lists none of
 *   other namespaces
 * @returns what is recorded of the port
 * @throws PluginError 101
 */
export function refuseConflict(lower: NetlinkSocket, parent: Link, wish: PortWish): string | undefined {
  const wanted = describe(wish);
  const recorded = recordedPort(wish.parent);
  if (recorded !== undefined && recorded !== wanted) {
    for (const other of attachmentsOnParent(wish.parent)) {
      if (describe(other) === wanted || !isAlive(other)) continue;
      const holder = `container ${other.containerId} (network ${other.network})`;
      throw conflict(parent.name, wanted, describe(other), holder);
    }
  }
  for (const { name, lower: index, lowerNamespace, ipvlan } of allIpvlans(lower)) {
    if (ipvlan === undefined || index !== parent.index || lowerNamespace !== undefined) continue;
    const present = describePort(ipvlan.mode, ipvlan.flags);
    if (present !== wanted) throw conflict(parent.name, wanted, present, `the link ${name}`);
  }
  return recorded;
}

function describe({ mode, flag }: PortWish): string {
  return `${mode} ${flag}`;
}

function conflict(parent: string, wanted: string, present: string, holder: string): PluginError {
  return new PluginError(
    ErrorCode.modeConflict,
    `parent ${parent} is in use as ${present} by ${holder}, and all ipvlans of a parent share mode and flag: ` +
      `use ${present} instead of ${wanted}, or another parent (a VLAN sub-interface, say)`,
    "/mode",
  );
}

/** Whether the attachment's interface exists. It does, too, while the ADD that made it has not marked it yet. */
function isAlive({ netns, ifname, containerId }: Attachment): boolean {
  const container = findContainer(netns);
  if (container === undefined) return false;
  try {
    const link = linkByName(container.socket, ifname);
    return link !== undefined && isOwnedBy(link, containerId);
  } finally {
    closeContainer(container);
  }
}
