import { linkByName } from "../netlink/link.ts";
import { closeContainer, findContainer } from "./container.ts";
import { isOwnedBy } from "./ipvlan.ts";
import type { Attachment } from "./records.ts";

/** Whether the attachment's interface exists. It does, too, while the ADD that made it has not marked it yet. */
export function isAlive({ netns, ifname, containerId }: Attachment): boolean {
  const container = findContainer(netns);
  if (container === undefined) return false;
  try {
    const link = linkByName(container.socket, ifname);
    return link !== undefined && isOwnedBy(link, containerId);
  } finally {
    closeContainer(container);
  }
}
