import type { Address } from "../ip/address.ts";
import { RTN_LOCAL } from "../netlink/constants.ts";
import type { Link } from "../netlink/link.ts";
import { routeTo } from "../netlink/route.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

/**
 * Whether an address is one of the parent's namespace itself: a container that had it, too, would take the host's packets. One
 * question to the kernel, however many addresses there are.
 */
export function isHostAddress(lower: NetlinkSocket, parent: Link, address: Address): boolean {
  if (routeTo(lower, address)?.type === RTN_LOCAL) return true;
  // The addresses of a VRF and its links are in a table of its own, and the way out over the VRF asks that table for any of them.
  return parent.controller !== undefined && routeTo(lower, address, parent.controller)?.type === RTN_LOCAL;
}
