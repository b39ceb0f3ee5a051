import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress } from "../ip/address.ts";
import type { Link } from "../netlink/link.ts";
import { probeAddresses } from "./conflict-probes.ts";
import { knownHolder, rememberHolder } from "./known-conflicts.ts";

/** What gives addresses: one after another, until those are found that nobody on the network has. */
export interface Source<T> {
  readonly take: () => T;
  /** Gives back what was taken. */
  readonly giveBack: () => void;
  readonly addressesOf: (taken: T) => readonly Address[];
  /** Whether the address was asked for, so that no other will do. */
  readonly isAsked: (address: Address) => boolean;
  /** Runs the work in the parent's namespace. */
  readonly atParent: <R>(work: () => R) => R;
}

/**
 * Takes addresses that nobody on the parent's network has (RFC 5227; RFC 4862, 5.4).
 * @throws PluginError 109 where somebody has one that was asked for, or all that there are
 */
export function takeUnused<T>(parent: Link, timeoutMs: number, source: Source<T>): T {
  const rejected = new Map<string, string>();
  for (;;) {
    const taken = takeOne(source, parent, rejected);
    const used = source.atParent(() => holders(parent, source.addressesOf(taken), timeoutMs));
    if (used.length === 0) return taken;
    source.giveBack();
    for (const { address, mac } of used) {
      const text = formatAddress(address);
      const holder = `${text} is in use by ${mac === "" ? "another machine" : mac} on the network of ${parent.name}`;
      if (source.isAsked(address)) {
        throw new PluginError(ErrorCode.addressInUse, `address ${holder}: ask for another one, or free it there`);
      }
      // The same again: there is no other.
      if (rejected.has(text)) {
        throw new PluginError(
          ErrorCode.addressInUse,
          `no address is free that nobody has: ${listed(parent, rejected)}`,
        );
      }
      rejected.set(text, mac);
    }
  }
}

/** Taking one; where there is none left, the error says why those that were taken will not do. */
function takeOne<T>(source: Source<T>, parent: Link, rejected: ReadonlyMap<string, string>): T {
  try {
    return source.take();
  } catch (error) {
    if (!(error instanceof PluginError) || rejected.size === 0) throw error;
    throw new PluginError(error.code, `${error.message}; ${listed(parent, rejected)}`, error.details);
  }
}

function listed({ name }: Link, rejected: ReadonlyMap<string, string>): string {
  const each = [...rejected].map(([address, mac]) => (mac === "" ? address : `${address} (${mac})`));
  return `other machines on the network of ${name} use ${each.join(", ")}`;
}

/** Who has the addresses: as was found not long ago, else as they say now. */
function holders(parent: Link, addresses: readonly Address[], timeoutMs: number): { address: Address; mac: string }[] {
  const known = addresses.flatMap((address) => {
    const mac = knownHolder(parent.name, address);
    return mac === undefined ? [] : [{ address, mac }];
  });
  if (known.length > 0) return known;
  const found = probeAddresses(parent, addresses, timeoutMs);
  for (const [address, mac] of found) rememberHolder(parent.name, address, mac);
  return addresses.flatMap((address) => {
    const mac = found.get(formatAddress(address));
    return mac === undefined ? [] : [{ address, mac }];
  });
}
