import { ErrorCode, PluginError } from "../../errors.ts";
import { allIpvlans, type Link } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { isAlive } from "../container-link.ts";
import { remove } from "../ipvlan.ts";
import { describePort } from "../modes.ts";
import { type Attachment, attachmentsOnParent, recordedPort, recordPort } from "../records.ts";
import { isHostLink } from "./mark.ts";

/** What a container wants of the parent's port. */
export type PortWish = Pick<Attachment, "parent" | "mode" | "flag">;

/** Makes sure that the parent's port has, or may get, this mode and flag. @throws PluginError 101 */
export function claimPort(lower: NetlinkSocket, parent: Link, wish: PortWish): void {
  const { recorded, stale } = refuseConflict(lower, parent, wish);
  const wanted = describe(wish);
  if (recorded !== wanted) recordPort(wish.parent, wanted);
  for (const link of stale) remove(lower, link);
}

/**
 * Refuses a mode or flag that differs from the one that interfaces on the parent have: a new ipvlan with another one would
 * silently change all of them (drivers/net/ipvlan/ipvlan_main.c, ipvlan_link_new).
 *
 * @param lower socket in the parent's namespace. Interfaces that others made are seen there alone: the kernel lists none of
 *   other namespaces
 * @returns what is recorded of the port, and links of ours for containers that are all gone
 * @throws PluginError 101
 */
export function refuseConflict(
  lower: NetlinkSocket,
  parent: Link,
  wish: PortWish,
): { recorded: string | undefined; stale: Link[] } {
  const wanted = describe(wish);
  const recorded = recordedPort(wish.parent);
  if (recorded !== undefined && recorded !== wanted) {
    for (const other of attachmentsOnParent(wish.parent)) {
      if (describe(other) === wanted || !isAlive(other)) continue;
      const holder = `container ${other.containerId} (network ${other.network})`;
      throw conflict(parent.name, wanted, describe(other), holder);
    }
  }
  const stale: Link[] = [];
  for (const link of allIpvlans(lower)) {
    const { name, lower: index, lowerNamespace, ipvlan } = link;
    if (ipvlan === undefined || index !== parent.index || lowerNamespace !== undefined) continue;
    const present = describePort(ipvlan.mode, ipvlan.flags);
    if (present === wanted) continue;
    // The host's own is for containers that are on record, and of those none is alive.
    if (isHostLink(link) && present === recorded) stale.push(link);
    else throw conflict(parent.name, wanted, present, `the link ${name}`);
  }
  return { recorded, stale };
}

export function describe({ mode, flag }: PortWish): string {
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
