import { contains, formatAddress, formatPrefix, type Prefix } from "../../ip/address.ts";
import { allAddresses } from "../../netlink/address.ts";
import type { Link } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";

/** Warnings for L3 networks whose subnet is the parent's own: the host would look for the containers on the wire. */
export function overlapWarnings(socket: NetlinkSocket, parent: Link, subnets: readonly Prefix[]): string[] {
  const warnings: string[] = [];
  for (const { index, prefix } of allAddresses(socket)) {
    if (index !== parent.index || (prefix.address.family === 6 && prefix.address.value >> 118n === 0x3fan)) continue;
    for (const subnet of subnets) {
      if (contains(subnet, prefix.address)) {
        warnings.push(
          `subnet ${formatPrefix(subnet)} holds ${parent.name}'s own address ${formatAddress(prefix.address)}: in mode l3 and l3s ` +
            `the containers' subnets must differ from the parent's`,
        );
      }
    }
  }
  return warnings;
}
