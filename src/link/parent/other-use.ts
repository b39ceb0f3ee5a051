import { formatPrefix, type Prefix } from "../../ip/address.ts";
import { allAddresses, type InterfaceAddress } from "../../netlink/address.ts";
import { IFA_F_PERMANENT } from "../../netlink/constants.ts";
import { type Link, linkByIndex, linksStandingOn } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";

/** What somebody else uses a link of ours for, in words; undefined for nothing that can be seen in its namespace. */
export function otherUse(socket: NetlinkSocket, link: Link): string | undefined {
  if (link.controller !== undefined) {
    return `it is a port of ${linkByIndex(socket, link.controller)?.name ?? `link ${link.controller}`}`;
  }
  const [above] = linksStandingOn(socket, link.index);
  if (above !== undefined) return `${above.name} stands on it`;
  const given = allAddresses(socket).find((address) => address.index === link.index && wasGiven(address));
  return given === undefined ? undefined : `it has the address ${formatPrefix(given.prefix)}`;
}

/** Not by the kernel itself: link-local, or by router advertisements. */
function wasGiven({ prefix, flags }: InterfaceAddress): boolean {
  return prefix.address.family === 4 || ((flags & IFA_F_PERMANENT) !== 0 && !isLinkLocal(prefix));
}

function isLinkLocal({ address }: Prefix): boolean {
  return address.family === 6 && address.value >> 118n === 0x3fan;
}
