import type { Allocation, Ipam, IpamContext } from "./ipam.ts";

/**
 * Chained without `ipam`: the container keeps the addresses that the plugin before this one gave. Nothing is reserved.
 */
export function openPrevious({ config }: IpamContext): Ipam {
  return {
    releasesOverLink: false,
    add(): Allocation {
      const { ips = [], routes = [], dns } = config.prevResult ?? {};
      return {
        addresses: ips.map(({ address, gateway }) => ({ address, gateway })),
        routes: routes.map((route) => ({ ...route, gw: route.gw })),
        dns,
      };
    },
    del() {},
    check() {},
    gc() {},
    status() {},
  };
}
