import type { NetworkConfig } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress, type Prefix, sameAddress } from "../ip/address.ts";
import type { Allocation, Ipam } from "../ipam/ipam.ts";
import { AddressesInUse } from "../link/configure.ts";

/** After so many addresses in use something else is wrong. */
const MOST = 1024;
const SHOWN = 8;

/** Where addresses come from. */
export interface Source {
  /** See {@link Ipam.add}. */
  readonly take: (avoided: readonly Address[]) => Allocation;
  readonly giveBack: () => void;
}

/**
 * Reserves addresses and puts them on the link. One that turns out to be in use, by an interface of another network or of nobody
 * known here, is passed over for the next, unless it was asked for by name.
 *
 * @param put puts addresses on the link, all or none; throws {@link AddressesInUse}
 * @param warn one line on standard error
 * @returns what is reserved; nothing is when it throws
 */
export function takeAddresses(
  config: NetworkConfig,
  source: Source,
  put: (addresses: readonly Prefix[]) => void,
  warn: (message: string) => void,
): Allocation {
  const avoided: Address[] = [];
  const reasons: string[] = [];
  for (;;) {
    const allocation = takeNext(source, avoided, reasons);
    try {
      if (allocation.addresses.length === 0) throw noAddress();
      put(allocation.addresses.map(({ address }) => address));
    } catch (error) {
      giveBack(source, warn);
      const isChosen = error instanceof AddressesInUse && error.addresses.every((address) => canAvoid(config, address));
      if (!isChosen || avoided.length >= MOST) throw error;
      avoided.push(...error.addresses);
      reasons.push(error.message);
      continue;
    }
    if (avoided.length > 0) {
      const more = avoided.length > SHOWN ? ` and ${avoided.length - SHOWN} more` : "";
      const list = avoided.slice(0, SHOWN).map(formatAddress).join(", ");
      warn(`passed over, since interfaces outside of network ${config.name} have them: ${list}${more}`);
    }
    return allocation;
  }
}

/** Takes what is not to be avoided; where there is nothing, the error says why, too. */
function takeNext(source: Source, avoided: readonly Address[], reasons: readonly string[]): Allocation {
  try {
    return source.take(avoided);
  } catch (error) {
    if (!(error instanceof PluginError) || reasons.length === 0) throw error;
    throw new PluginError(error.code, [error.message, ...reasons.slice(0, SHOWN)].join("; "), error.details);
  }
}

/** The error that led here is the one that counts. */
function giveBack(source: Source, warn: (message: string) => void): void {
  try {
    source.giveBack();
  } catch (error) {
    warn(`while giving addresses back: ${error instanceof Error ? error.message : error}`);
  }
}

/** Whether the IPAM chose the address, and can choose another one. */
function canAvoid({ ipam, requested }: NetworkConfig, address: Address): boolean {
  const chooses = ipam.type === "builtin" || ipam.type === "host-local";
  return chooses && !requested.some((one) => sameAddress(one.address, address));
}

function noAddress(): PluginError {
  const message = "the IPAM gives no address: name one in addresses or ips";
  return new PluginError(ErrorCode.invalidConfiguration, message, "/ipam");
}
