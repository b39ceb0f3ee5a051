import { type Address, sameAddress } from "../ip/address.ts";
import { remove } from "../link/ipvlan.ts";
import { isHostLink } from "../link/parent/mark.ts";
import { type Attachment, parentKey, withParent } from "../link/records.ts";
import { type Link, linkByIndex, linkByName } from "../netlink/link.ts";
import { deleteProxy } from "../netlink/neighbour.ts";
import type { KernelRoute } from "../netlink/route.ts";
import { type NetlinkSocket, transact } from "../netlink/socket.ts";
import { homeNamespace, namespaceIdentity } from "../system/namespace.ts";
import { addressesOf } from "./establish.ts";
import { parentIndexOf } from "./host-link.ts";
import {
  hasHostRoutes,
  hostRoutes,
  ownRoutes,
  removeHostRoutes,
  removeListed,
  removeLocalRoutes,
  removeRuleIfUnused,
} from "./host-routes.ts";
import { isAnnounced, type Owner } from "./owner.ts";
import { removeSourceNat } from "./source-nat.ts";

/**
 * Takes away what the host has for a container: its routes, so that the host sends nothing more to an interface that is going (the
 * kernel would turn such a packet round 64 times), and with the last container's the host link and all that belongs to it.
 * Everything may be gone already, the container, its record and its parent included: what is the owner's the kernel's routes tell.
 */
export function removeHostAccess(host: NetlinkSocket, owner: Owner, attachment: Attachment | undefined): void {
  if (attachment?.hostAccess === undefined) {
    removeRoutes(host, ownRoutes(hostRoutes(host), owner));
    return;
  }
  const { link: name, addresses: texts, announced } = attachment.hostAccess;
  const addresses = addressesOf(texts);
  withParent(attachment.parent, () => {
    removeHostRoutes(host, addresses, owner, announced);
    const hostLink = linkByName(host, name);
    if (hostLink !== undefined && announced) removeProxies(host, hostLink, addresses);
    removeHostLinkIfUnused(host, name, hostLink);
  });
}

/** Takes away routes that {@link hostRoutes} has listed, as {@link removeHostAccess} does. */
export function removeRoutes(host: NetlinkSocket, routes: readonly KernelRoute[]): void {
  for (const [index = 0, ofLink] of Map.groupBy(routes, ({ interfaces }) => interfaces[0])) {
    withHostLinkLock(host, index, (hostLink) => {
      removeListed(host, ofLink);
      if (hostLink === undefined) return;
      const announced = ofLink.filter(({ priority }) => isAnnounced(priority)).map(({ dst }) => dst.address);
      removeProxies(host, hostLink, announced);
      removeHostLinkIfUnused(host, hostLink.name, hostLink);
    });
  }
}

/** Holds the lock of the parent on which the link stands. */
export function withHostLinkLock(host: NetlinkSocket, index: number, work: (hostLink: Link | undefined) => void): void {
  const hostLink = linkByIndex(host, index);
  const parent = hostLink?.lower === undefined ? undefined : linkByIndex(host, hostLink.lower);
  if (hostLink === undefined || parent === undefined) work(undefined);
  else withParent(parentKey(parent.index, namespaceIdentity(homeNamespace())), () => work(hostLink));
}

/** Takes proxy entries away, but for addresses that somebody else has a route for by now: an entry does not tell whose it is. */
function removeProxies(host: NetlinkSocket, hostLink: Link, addresses: readonly Address[]): void {
  const parentIndex = parentIndexOf(hostLink.name);
  if (parentIndex === undefined || addresses.length === 0) return;
  const used = hostRoutes(host, hostLink.index).filter(({ priority }) => isAnnounced(priority));
  const unused = addresses.filter((address) => !used.some(({ dst }) => sameAddress(dst.address, address)));
  // ENOENT: it went with the parent being set down.
  if (unused.length > 0)
    transact(
      host,
      unused.map((address) => deleteProxy(parentIndex, address)),
    );
}

/**
 * Takes a host link away that no container has a route over, with the rules and addresses that are for it. Call it under the
 * parent's lock.
 * @param hostLink undefined where the parent, and the link with it, is gone
 */
export function removeHostLinkIfUnused(host: NetlinkSocket, name: string, hostLink: Link | undefined): void {
  if (hostLink !== undefined) {
    if (!isHostLink(hostLink) || hasHostRoutes(host, hostLink.index)) return;
    const parentIndex = parentIndexOf(name);
    if (parentIndex !== undefined) removeLocalRoutes(host, parentIndex);
    remove(host, hostLink);
  }
  removeSourceNat(name);
  removeRuleIfUnused(host);
}
