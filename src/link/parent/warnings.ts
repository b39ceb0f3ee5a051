import type { Mode } from "../../config/network-config.ts";
import { contains, formatAddress, formatPrefix, type Prefix } from "../../ip/address.ts";
import { prefixSet } from "../../ip/prefix-set.ts";
import { allAddresses } from "../../netlink/address.ts";
import type { Link } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";

/**
 * Warnings for a network in mode l3 or l3s:
 * - its subnet is the parent's own: the host would look for the containers on the wire;
 * - in l3s the parent is in a VRF: the kernel hands what arrives to the VRF, not to the ipvlans (include/net/l3mdev.h,
 *   l3mdev_l3_rcv), so that containers reach each other and nobody else.
 */
export function routedWarnings(socket: NetlinkSocket, parent: Link, mode: Mode, subnets: readonly Prefix[]): string[] {
  const warnings: string[] = [];
  if (mode === "l3s" && parent.portKind === "vrf") {
    warnings.push(`${parent.name} is in a VRF, and there nothing reaches containers in mode l3s: use l3 or l2`);
  }
  const isInSubnet = prefixSet(subnets);
  for (const { index, prefix } of allAddresses(socket)) {
    if (!isInSubnet(prefix.address)) continue;
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
