import type { Dns } from "../cni/result.ts";
import type { IpamConfig, Range } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress, type Prefix, parseAddress, sameAddress } from "../ip/address.ts";
import { finder } from "../ip/bounds.ts";
import { readText } from "../system/files.ts";
import { exhausted, nothingToGive } from "./exhausted.ts";
import type { Allocation, Ipam, IpamContext } from "./ipam.ts";
import { addressTaken, checkAvailable, checkHeld, refuseSecond, releaseOthers } from "./reservations.ts";
import { parseResolvConf } from "./resolv-conf.ts";
import { ring } from "./span.ts";
import { type Holder, releaseHolder, type Store, withStore } from "./store.ts";

type HostLocalConfig = Extract<IpamConfig, { type: "host-local" }>;

/** A range, and the number of its set. */
interface Numbered extends Range {
  readonly id: number;
}

/**
 * The reference's host-local in process: one address from each range set, in the reference's order, on the reference's
 * files (plugins/ipam/host-local). Beyond it: the gateway of a neighbour range in the set is no container's either, and
 * a failed ADD gives back what it took itself, not all that the container holds.
 */
export function openHostLocal(context: IpamContext, ipam: HostLocalConfig): Ipam {
  const { name } = context.config;
  const { dataDir } = ipam;
  const sets = ipam.rangeSets.map((ranges, id) => ranges.map((range): Numbered => ({ ...range, id })));
  return {
    releasesOverLink: false,
    add(avoided = []): Allocation {
      const dns = ipam.resolvConf === undefined ? undefined : readResolvConf(ipam.resolvConf);
      const addresses = withStore(dataDir, name, true, (store) => reserve(store, context, sets, avoided));
      return { addresses: addresses ?? [], routes: ipam.routes, dns, subnets: sets.flat().map(({ subnet }) => subnet) };
    },
    del: () => releaseHolder(dataDir, name, context),
    check: (previous) => checkHeld(dataDir, name, context, sets.flat(), previous),
    gc: (valid) => releaseOthers(dataDir, name, valid),
    status() {
      checkAvailable(dataDir, name);
      for (const ranges of sets) {
        const nothing = nothingToGive(ranges, gatewaysOf(ranges));
        if (nothing !== undefined) throw new PluginError(ErrorCode.notAvailable, nothing.message, nothing.details);
      }
    },
  };
}

function reserve(
  store: Store,
  context: IpamContext,
  sets: readonly (readonly Numbered[])[],
  avoided: readonly Address[],
): { address: Prefix; gateway: Address }[] {
  const holder = { containerId: context.containerId, ifname: context.ifname };
  store.open(holder.containerId, true);
  const rangeOf = finder(sets.flat());
  const { named, unnamed } = store.find(holder);
  const held = [...named, ...unnamed].map((text) => parseAddress(text) as Address);
  const heldOf = new Map(held.map((address) => [rangeOf(address)?.id, address]));
  const requested = firstOfEach(
    context.config.requested.map(({ address }) => address),
    (address) => rangeOf(address)?.id,
  );
  const taken: Address[] = [];
  try {
    for (const [id, ranges] of sets.entries()) {
      const wanted = requested.of.get(id);
      if (wanted === undefined) refuseSecond(holder, heldOf.get(id));
      taken.push(wanted === undefined ? next(store, holder, ranges, avoided) : exactly(store, holder, ranges, wanted));
    }
    if (requested.rest.length > 0) {
      const list = requested.rest.map(formatAddress).join(", ");
      const message = `requested addresses that are in no range, or in one that has given its address: ${list}`;
      throw new PluginError(ErrorCode.invalidConfiguration, message);
    }
  } catch (error) {
    store.release(holder, taken.map(formatAddress));
    throw error;
  }
  return taken.map((address) => {
    const { subnet, gateway } = rangeOf(address) as Numbered;
    return { address: { address, length: subnet.length }, gateway };
  });
}

/** The first address of each set, and what is left over. */
function firstOfEach(
  addresses: readonly Address[],
  setOf: (address: Address) => number | undefined,
): { of: ReadonlyMap<number, Address>; rest: readonly Address[] } {
  const of = new Map<number, Address>();
  const rest = addresses.filter((address) => {
    const set = setOf(address);
    if (set === undefined || of.has(set)) return true;
    of.set(set, address);
    return false;
  });
  return { of, rest };
}

function next(store: Store, holder: Holder, ranges: readonly Numbered[], avoided: readonly Address[]): Address {
  const { id } = ranges[0] as Numbered;
  const never = [...gatewaysOf(ranges), ...avoided];
  const after = store.lastReserved(id);
  const address = store.reserve(holder, ring(ranges, after, never), id);
  if (address === undefined) throw exhausted(store, ranges, never, after);
  return address;
}

function gatewaysOf(ranges: readonly Numbered[]): Address[] {
  return ranges.map(({ gateway }) => gateway);
}

function exactly(store: Store, holder: Holder, ranges: readonly Numbered[], requested: Address): Address {
  const { id } = ranges[0] as Numbered;
  const name = formatAddress(requested);
  if (ranges.some(({ gateway }) => sameAddress(gateway, requested))) {
    throw new PluginError(ErrorCode.invalidConfiguration, `requested address ${name} is the subnet's gateway`);
  }
  if (store.reserve(holder, [requested], id) === undefined) throw addressTaken(store, name);
  return requested;
}

function readResolvConf(path: string): Dns {
  const text = readText(path);
  if (text === undefined) {
    throw new PluginError(ErrorCode.invalidConfiguration, `resolvConf ${path} does not exist`, "/ipam/resolvConf");
  }
  return parseResolvConf(text);
}
