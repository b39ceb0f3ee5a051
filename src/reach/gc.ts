import type { Attachment } from "../cni/gc.ts";
import { isHostLink } from "../link/parent/mark.ts";
import { allAttachments } from "../link/records.ts";
import { linksOfKind } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { homeNamespace, namespaceIdentity } from "../system/namespace.ts";
import { hostRoutes, removeRuleIfUnused } from "./host-routes.ts";
import { isOfNetwork, isOwners, type Owner } from "./owner.ts";
import { removeHostLinkIfUnused, removeRoutes, withHostLinkLock } from "./remove.ts";

/**
 * Takes away what the host has for containers of the network that are not valid and not on record any more, and host links over
 * which no route leads: what an ADD or DEL that was killed can leave, or records that were lost.
 */
export function removeAbandonedHostAccess(host: NetlinkSocket, network: string, valid: readonly Attachment[]): void {
  const owners: Owner[] = [
    ...valid.map((one) => ({ ...one, network })),
    // A metric tells the network by a few bits only: another one's containers may have the same.
    ...allAttachments(namespaceIdentity(homeNamespace())),
  ];
  const abandoned = hostRoutes(host).filter(
    ({ priority }) => isOfNetwork(priority, network) && !owners.some((owner) => isOwners(priority, owner)),
  );
  removeRoutes(host, abandoned);
  for (const { index, name } of linksOfKind(host, "ipvlan").filter(isHostLink)) {
    withHostLinkLock(host, index, (hostLink) => removeHostLinkIfUnused(host, name, hostLink));
  }
  removeRuleIfUnused(host);
}
