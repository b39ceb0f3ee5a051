import { invalid } from "../cni/read.ts";
import { configuredFamilies } from "./families.ts";
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
  if (mtu < leastMtuForIpv6 && configuredFamilies(ipam).includes(6)) {
    throw invalid("/mtu", `must be at least ${leastMtuForIpv6} for IPv6, not ${mtu}`);
  }
  return mtu;
}
