import { ErrorCode } from "../errors.ts";
import { type Address, formatAddress, type Prefix } from "../ip/address.ts";
import { AddressesInUse } from "../link/configure.ts";
import { addressesOn } from "../netlink/address.ts";
import type { Link } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { probeAddresses } from "./conflict-probes.ts";
import { knownHolder, rememberHolder } from "./known-conflicts.ts";

/**
 * Asks the parent's network whether somebody has one of the addresses, if it is not known from before. Call it in the parent's
 * namespace.
 * @throws AddressesInUse 109, with the MAC of who has them
 */
export function refuseConflicts(
  lower: NetlinkSocket,
  parent: Link,
  prefixes: readonly Prefix[],
  timeoutMs: number,
): void {
  const addresses = prefixes.map(({ address }) => address);
  const holders = knownHolders(parent, addresses) ?? ask(lower, parent, addresses, timeoutMs);
  const used = addresses.filter((address) => holders.has(formatAddress(address)));
  if (used.length === 0) return;
  const each = used.map((address) => {
    const text = formatAddress(address);
    return `${text} is in use by ${holders.get(text) || "another machine"}`;
  });
  throw new AddressesInUse(
    ErrorCode.addressInUse,
    used,
    `address ${each.join(", and ")} on the network of ${parent.name}: ask for another one, or free it there`,
  );
}

/** Who was found to have some of them not long ago; undefined where nobody was. */
function knownHolders(parent: Link, addresses: readonly Address[]): Map<string, string> | undefined {
  const known = new Map<string, string>();
  for (const address of addresses) {
    const mac = knownHolder(parent.name, address);
    if (mac !== undefined) known.set(formatAddress(address), mac);
  }
  return known.size > 0 ? known : undefined;
}

function ask(
  lower: NetlinkSocket,
  parent: Link,
  addresses: readonly Address[],
  timeoutMs: number,
): Map<string, string> {
  const onParent = addressesOn(lower, parent.index).map(({ prefix }) => prefix.address);
  const own = ([4, 6] as const).flatMap((family) => onParent.find((address) => address.family === family) ?? []);
  const found = probeAddresses(parent, addresses, timeoutMs, own);
  for (const [address, mac] of found) rememberHolder(parent.name, address, mac);
  return found;
}
