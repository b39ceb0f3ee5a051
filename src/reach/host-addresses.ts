import { type Address, type Family, formatAddress, parseAddress, sameAddress } from "../ip/address.ts";
import { addressesOn, allAddresses, type InterfaceAddress } from "../netlink/address.ts";
import {
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_TEMPORARY,
  IFA_F_TENTATIVE,
  RT_SCOPE_UNIVERSE,
} from "../netlink/constants.ts";
import type { Link } from "../netlink/link.ts";
import { routeTo } from "../netlink/route.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

/** The host's addresses of one family, as a container meets them. */
export interface HostAddresses {
  readonly family: Family;
  /** What the container sees as the source of the host's packets; undefined: the host has no address of the family. */
  readonly source: Address | undefined;
  /** All that the container is to reach; none where it has no address of the family. */
  readonly reached: readonly Address[];
  /** Those of them that are not on the parent. */
  readonly elsewhere: readonly Address[];
}

/**
 * The addresses that containers on the parent reach the host at: the parent's own, or that of the default route where it has none,
 * and those of the configuration. Temporary and link-local ones do not count.
 * @param families those of the container
 * @returns both families
 */
export function hostAddresses(
  host: NetlinkSocket,
  parent: Link,
  families: readonly Family[],
  configured: readonly Address[],
): HostAddresses[] {
  const onParent = addressesOn(host, parent.index).filter(isLasting);
  return ([4, 6] as const).map((family) => {
    const own = onParent.map(({ prefix }) => prefix.address).filter((address) => address.family === family);
    if (!families.includes(family)) return { family, source: own[0], reached: [], elsewhere: [] };
    const source = own[0] ?? defaultSource(host, family);
    const wanted = [...own, ...(source === undefined ? [] : [source]), ...configured].filter(
      (address, index, all) => address.family === family && all.findIndex((one) => sameAddress(one, address)) === index,
    );
    const elsewhere = wanted.filter((address) => !own.some((one) => sameAddress(one, address)));
    return { family, source, reached: wanted, elsewhere };
  });
}

/** Whether the address stays on the link, and others can reach it. */
function isLasting({ prefix, flags, scope }: InterfaceAddress): boolean {
  const { family } = prefix.address;
  // For IPv4 the bit of IFA_F_TEMPORARY is that of IFA_F_SECONDARY.
  const passing = IFA_F_DADFAILED | IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_TEMPORARY;
  return scope === RT_SCOPE_UNIVERSE && (family === 4 || (flags & passing) === 0);
}

/** Of documentation's networks (RFC 5737, RFC 3849), which nobody has a route of its own to. */
const anywhere: Readonly<Record<Family, Address>> = {
  4: parseAddress("192.0.2.1") as Address,
  6: parseAddress("2001:db8::1") as Address,
};

/** The source of what the host sends by its default route, else the first address that lasts. */
function defaultSource(host: NetlinkSocket, family: Family): Address | undefined {
  const source = routeTo(host, anywhere[family])?.src;
  if (source !== undefined && !formatAddress(source).startsWith("fe80:")) return source;
  return allAddresses(host).find((address) => address.prefix.address.family === family && isLasting(address))?.prefix
    .address;
}
