import { ErrorCode, PluginError } from "../errors.ts";
import type { Link } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import type { Namespace } from "../system/namespace.ts";
import { isAlive } from "./container-link.ts";
import { createInNamespace } from "./ipvlan.ts";
import type { NamedParent } from "./parent/choose.ts";
import { ensureParent } from "./parent/ensure.ts";
import { releaseParent, removeParent } from "./parent/release.ts";
import { claimPort, describe } from "./parent/shared-port.ts";
import {
  type Attachment,
  findAttachment,
  forgetAttachment,
  recordAttachment,
  recordPort,
  withParentLock,
} from "./records.ts";

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
 * @param release takes away what stands on the parent for the earlier one
 */
export function clearStaleAttachment(
  host: NetlinkSocket,
  network: string,
  containerId: string,
  ifname: string,
  release: (earlier: Attachment) => void,
): void {
  const earlier = findAttachment(network, containerId, ifname);
  if (earlier === undefined) return;
  if (isAlive(earlier)) {
    throw new PluginError(
      ErrorCode.interfaceExists,
      `container ${containerId} is attached to network ${network} as ${ifname} already: DEL it first`,
    );
  }
  release(earlier);
  releaseParent(() => host, earlier);
}
