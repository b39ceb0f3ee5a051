import type { Family } from "../ip/address.ts";
import type { IpamConfig } from "./network-config.ts";

/** The families that the configuration gives addresses of; none where another program will tell. */
export function configuredFamilies(ipam: IpamConfig): readonly Family[] {
  return ([4, 6] as const).filter((family) => has(ipam, family));
}

function has(ipam: IpamConfig, family: Family): boolean {
  switch (ipam.type) {
    case "builtin":
      return (family === 4 && ipam.defaultPool) || ipam.subnets.some(({ subnet }) => subnet.address.family === family);
    case "host-local":
      return ipam.rangeSets.some(([range]) => range?.subnet.address.family === family);
    case "static":
      return ipam.addresses.some(({ address }) => address.address.family === family);
    default:
      return false;
  }
}
