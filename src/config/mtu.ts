import { invalid } from "../cni/read.ts";
import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";
import type { IpamConfig } from "./network-config.ts";

/** ETH_MIN_MTU of the kernel. */
const leastMtu = 68;
/** RFC 8200, section 5: the kernel has no IPv6 on a link with less. */
const leastMtuForIpv6 = 1280;

/** @returns 0 for the parent's */
export function parseMtu({ mtu = 0 }: NetworkConfiguration, ipam: IpamConfig): number {
  if (mtu === 0) return 0;
  if (mtu < leastMtu) throw invalid("/mtu", `must be 0, for the parent's, or at least ${leastMtu}, not ${mtu}`);
  if (mtu < leastMtuForIpv6 && hasIpv6(ipam)) {
    throw invalid("/mtu", `must be at least ${leastMtuForIpv6} for IPv6, not ${mtu}`);
  }
  return mtu;
}

/** Whether the configuration names IPv6 addresses; what another program gives shows later. */
export function hasIpv6(ipam: IpamConfig): boolean {
  switch (ipam.type) {
    case "builtin":
      return ipam.subnets.some(({ subnet }) => subnet.address.family === 6);
    case "host-local":
      return ipam.rangeSets.some((set) => set[0]?.subnet.address.family === 6);
    case "static":
      return ipam.addresses.some(({ address }) => address.address.family === 6);
    default:
      return false;
  }
}
