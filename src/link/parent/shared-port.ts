import { ErrorCode, PluginError } from "../../errors.ts";
import { type Link, searchOn } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { isAlive } from "../container-link.ts";
import { describePort } from "../modes.ts";
import type { Attachment } from "../records.ts";
import { isHostLink } from "./mark.ts";

/** What a container wants of the parent's port. */
export type PortWish = Pick<Attachment, "mode" | "flag">;

/** As it is recorded: "l2 bridge". */
export function portText({ mode, flag }: PortWish): string {
  return `${mode} ${flag}`;
}

/**
 * Refuses a mode or flag that differs from the one that interfaces on the parent have: a new ipvlan with another one would
 * silently change all of them (drivers/net/ipvlan/ipvlan_main.c, ipvlan_link_new).
 *
 * @param lower socket in the parent's namespace. Interfaces that others made are seen there alone: the kernel lists none of
 *   other namespaces
 * @param recorded what is recorded of the port; undefined or empty: nothing
 * @param attachments those on the parent; asked for where there may be a conflict
 * @returns links of ours for containers that are all gone, which the new one would change: to be removed before it is made
 * @throws PluginError 101
 */
export function refuseConflict(
  lower: NetlinkSocket,
  parent: Link,
  wish: PortWish,
  recorded: string | undefined,
  attachments: () => readonly Attachment[],
): Link[] {
  const wanted = portText(wish);
  if (recorded && recorded !== wanted) {
    for (const other of attachments()) {
      if (portText(other) === wanted || !isAlive(other)) continue;
      const holder = `container ${other.containerId} (network ${other.network})`;
      throw conflict(parent.name, wanted, portText(other), holder);
    }
  }
  const stale: Link[] = [];
  const other = searchOn(lower, parent.index, "ipvlan", (link) => {
    const present = describePort(link.ipvlan?.mode ?? 0, link.ipvlan?.flags ?? 0);
    // The host's own is for containers that are on record, and of those none is alive.
    if (present !== wanted && present === recorded && isHostLink(link)) stale.push(link);
    // One is enough: all have what the port has.
    else return { name: link.name, present };
    return undefined;
  });
  if (other !== undefined && other.present !== wanted) {
    throw conflict(parent.name, wanted, other.present, `the link ${other.name}`);
  }
  return stale;
}

function conflict(parent: string, wanted: string, present: string, holder: string): PluginError {
  return new PluginError(
    ErrorCode.modeConflict,
    `parent ${parent} is in use as ${present} by ${holder}, and all ipvlans of a parent share mode and flag: ` +
      `use ${present} instead of ${wanted}, or another parent (a VLAN sub-interface, say)`,
    "/mode",
  );
}
