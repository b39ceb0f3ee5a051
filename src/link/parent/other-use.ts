import { formatPrefix, type Prefix } from "../../ip/address.ts";
import { addressesOn, type InterfaceAddress } from "../../netlink/address.ts";
import { IFA_F_PERMANENT } from "../../netlink/constants.ts";
import { type Link, linkByIndex, linkStandingOn } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";
import { listFolder, readSmall } from "../../system/files.ts";
import { leastFreeIndex } from "../ipvlan.ts";

/** What somebody else uses a link of ours for, in words; undefined for nothing that can be seen in its namespace. */
export function otherUse(socket: NetlinkSocket, link: Link): string | undefined {
  if (link.controller !== undefined) {
    return `it is a port of ${linkByIndex(socket, link.controller)?.name ?? `link ${link.controller}`}`;
  }
  const above = nameAbove(socket, link);
  if (above !== undefined) return `${above} stands on it`;
  const given = addressesOn(socket, link.index).find(wasGiven);
  return given === undefined ? undefined : `it has the address ${formatPrefix(given.prefix)}`;
}

/** A link that stands on this one. /sys tells it at once, netlink only among all links of the namespace. */
function nameAbove(socket: NetlinkSocket, { index, name }: Link): string | undefined {
  const folder = `/sys/class/net/${name}`;
  // /sys may show another namespace's links: an index of our own choice tells.
  const isIt = index >= leastFreeIndex && readSmall(`${folder}/ifindex`)?.trim() === String(index);
  if (!isIt) return linkStandingOn(socket, index)?.name;
  return listFolder(folder)
    .find((entry) => entry.startsWith("upper_"))
    ?.slice("upper_".length);
}

/** Not by the kernel itself: link-local, or by router advertisements. */
function wasGiven({ prefix, flags }: InterfaceAddress): boolean {
  return prefix.address.family === 4 || ((flags & IFA_F_PERMANENT) !== 0 && !isLinkLocal(prefix));
}

function isLinkLocal({ address }: Prefix): boolean {
  return address.family === 6 && address.value >> 118n === 0x3fan;
}
