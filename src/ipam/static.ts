import type { Result } from "../cni/result.ts";
import type { IpamConfig } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { formatAddress, sameAddress } from "../ip/address.ts";
import type { Allocation, Ipam, IpamContext } from "./ipam.ts";

type StaticConfig = Extract<IpamConfig, { type: "static" }>;

/**
 * The reference's static IPAM in process: the addresses that the configuration or the runtime names. Nothing is
 * reserved.
 */
export function openStatic(_context: IpamContext, ipam: StaticConfig): Ipam {
  return {
    releasesOverLink: false,
    add(): Allocation {
      return { addresses: ipam.addresses, routes: ipam.routes, dns: ipam.dns };
    },
    del() {},
    /**
     * As the reference: an address that is there must have its gateway; that it is there at all is the caller's to
     * check.
     */
    check(previous: Result) {
      for (const { address, gateway } of ipam.addresses) {
        const found = previous.ips.find((ip) => sameAddress(ip.address.address, address.address));
        if (found === undefined || gateway === undefined) continue;
        if (found.gateway === undefined || !sameAddress(found.gateway, gateway)) {
          const [host, wanted] = [address.address, gateway].map(formatAddress);
          throw new PluginError(ErrorCode.checkFailed, `the gateway of ${host} is not ${wanted} as configured`);
        }
      }
    },
    gc() {},
    status() {},
  };
}
