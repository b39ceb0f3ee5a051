import { lastingName } from "../cni/args.ts";
import { foldersOf } from "../cni/environment.ts";
import type { IpamConfig, Subnet } from "../config/network-config.ts";
import { wholeSubnet } from "../config/subnets.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import {
  type Address,
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  sameAddress,
  usableRange,
} from "../ip/address.ts";
import { finder, isWithin } from "../ip/bounds.ts";
import { tell } from "../system/standard-error.ts";
import { allocateInCluster, BlocksAreFull, type Given } from "./cluster/allocate.ts";
import { checkClaimed } from "./cluster/check.ts";
import { type Claims, spansWithin } from "./cluster/claims.ts";
import { clusterPool } from "./cluster/contact.ts";
import { fullName } from "./cluster/names.ts";
import { choosePool, nextPool, poolOf } from "./default-pool.ts";
import { exhausted, PoolIsFull } from "./exhausted.ts";
import type { Allocation, Ipam, IpamContext } from "./ipam.ts";
import { addressTaken, checkAvailable, checkHeld, refuseSecond, releaseOthers } from "./reservations.ts";
import { ring, type Span } from "./span.ts";
import { type Holder, releaseHolder, type Store, withStore } from "./store.ts";

type BuiltinConfig = Extract<IpamConfig, { type: "builtin" }>;

/** A subnet and its place in the configuration, which numbers its last_reserved_ip. */
interface Numbered extends Subnet {
  readonly id: number;
  /** What of it may be given: all from `first` to `last`, or what of that is in blocks of this node. */
  readonly spans: readonly Span[];
}

/** What a container gets, or asks for. */
interface Wishes {
  /** Addresses are kept for names in this network. */
  readonly isSticky: boolean;
  readonly holder: Holder;
  readonly requested: readonly Address[];
  /** Whether an address that nobody has reserved may be given. */
  readonly isFree: (address: Address) => boolean;
}

/**
 * Docker's way of giving addresses: one of each family that has a subnet, from the first subnet with a free one, or
 * from the one that holds the address asked for. Within a subnet the order is host-local's, and so are the files.
 */
export function openBuiltin(context: IpamContext, ipam: BuiltinConfig): Ipam {
  const { name } = context.config;
  const { dataDir } = ipam;
  const keptFor = ipam.sticky ? lastingName(context.environment.CNI_ARGS ?? "") : undefined;
  const holder = { containerId: context.containerId, ifname: context.ifname, keptFor };
  const inCluster = clusterPool({ name, ipam }, foldersOf(context.environment.CNI_PATH ?? ""), tell);
  return {
    releasesOverLink: false,
    add(avoided = []): Allocation {
      const pool = ipam.defaultPool ? choosePool(dataDir, name, context.hostPrefixes) : undefined;
      const subnets = numbered(ipam, pool);
      const requested = context.config.requested.map(({ address }) => address);
      for (const address of requested) checkRequest(subnets, address, context.isHostAddress);
      const inUse = new Set(avoided.map(formatAddress));
      const isFree = (address: Address) => !inUse.has(formatAddress(address)) && !context.isHostAddress(address);
      const wishes = { isSticky: ipam.sticky, holder, requested, isFree };
      const addresses =
        inCluster === undefined
          ? (withStore(dataDir, name, true, (store) => reserve(store, subnets, wishes)) ?? [])
          : allocateInCluster(
              inCluster,
              requested,
              keptFor && fullName(keptFor, context.ifname),
              (store, claims, here) =>
                reserve(
                  store,
                  subnets.map((subnet) => withinClaims(subnet, claims)),
                  // Of a name that is on another node nothing is given, nor kept.
                  here === undefined ? { ...wishes, holder: { ...holder, keptFor: undefined } } : wishes,
                  { ofName: here?.addresses ?? [] },
                ),
            );
      return { addresses, routes: ipam.routes, dns: undefined, subnets: subnets.map(({ subnet }) => subnet) };
    },
    del: () => releaseHolder(dataDir, name, holder),
    check(previous) {
      const spans = wholeOf(numbered(ipam, poolOf(dataDir, name)));
      checkHeld(dataDir, name, holder, spans, previous);
      if (inCluster !== undefined) checkClaimed(inCluster, spans, previous);
    },
    gc: (valid) => releaseOthers(dataDir, name, valid),
    status() {
      checkAvailable(dataDir, name, () => {
        if (ipam.defaultPool) nextPool(dataDir, name, context.hostPrefixes);
      });
    },
  };
}

function numbered({ subnets, hasGateways }: BuiltinConfig, pool: Prefix | undefined): readonly Numbered[] {
  const all = pool === undefined ? subnets : [...subnets, wholeSubnet(pool, hasGateways)];
  return all.map((subnet, id) => ({ ...subnet, id, spans: [subnet] }));
}

/** The subnet with what of it this node has claimed. */
function withinClaims(subnet: Numbered, claims: Claims): Numbered {
  return { ...subnet, spans: spansWithin(claims, subnet), excluded: [...subnet.excluded, ...claims.except] };
}

/** The subnets with all addresses that a container can ask for, outside of an ipRange too. */
function wholeOf(subnets: readonly Numbered[]): readonly Numbered[] {
  return subnets.map((subnet) => ({ ...subnet, ...usableRange(subnet.subnet) }));
}

function ofFamily(subnets: readonly Numbered[], family: Family): readonly Numbered[] {
  return subnets.filter(({ subnet }) => subnet.address.family === family);
}

/** Not given as long as there is another one, or never. */
function withheldOf({ gateway, spare, excluded }: Subnet): readonly Address[] {
  return [gateway ?? spare ?? [], excluded].flat();
}

/** The subnet that an address asked for is of: the one whose range holds it, else the first that contains it. */
function subnetOf(subnets: readonly Numbered[], address: Address): Numbered | undefined {
  return finder(subnets)(address) ?? subnets.find(({ subnet }) => contains(subnet, address));
}

/** Docker's rule for --ip: anywhere in a subnet, outside --ip-range too, but no address that has another use. */
function checkRequest(
  subnets: readonly Numbered[],
  address: Address,
  isHostAddress: (address: Address) => boolean,
): void {
  const refuse = (why: string, code: ErrorCode = ErrorCode.invalidConfiguration) =>
    new PluginError(code, `requested address ${formatAddress(address)} ${why}`);
  const found = subnetOf(subnets, address);
  if (found === undefined) {
    const list = subnets.map(({ subnet }) => formatPrefix(subnet)).join(", ");
    throw refuse(`is in none of the network's subnets: ${list}`);
  }
  const subnet = formatPrefix(found.subnet);
  if (found.gateway !== undefined && sameAddress(found.gateway, address)) throw refuse(`is the gateway of ${subnet}`);
  if (found.excluded.some((other) => sameAddress(other, address)))
    throw refuse(`is one of the auxAddresses of ${subnet}`);
  if (!isWithin(address, usableRange(found.subnet))) throw refuse(`is ${subnet}'s own, no host's`);
  if (isHostAddress(address)) throw refuse("is the host's own: ask for another one", ErrorCode.addressTaken);
}

function reserve(
  store: Store,
  subnets: readonly Numbered[],
  wishes: Wishes,
  cluster?: { readonly ofName: readonly Address[] },
): Given[] {
  const { holder, requested } = wishes;
  store.open(holder.containerId, true);
  const { named, unnamed } = store.find(holder);
  const held = [...named, ...unnamed].map((text) => parseAddress(text) as Address);
  refuseSecond(
    holder,
    held.find((address) => subnetOf(subnets, address) !== undefined),
  );
  const taken: { address: Address; subnet: Numbered }[] = [];
  const kept = store.keptOf(holder).map((text) => parseAddress(text) as Address);
  const ofName = cluster?.ofName ?? kept;
  const nextOf = (family: Family, candidates: readonly Numbered[]) => {
    try {
      return again(store, ofName, kept, candidates, wishes) ?? nextOrExpired(store, candidates, wishes);
    } catch (error) {
      throw cluster !== undefined && error instanceof PluginError ? new BlocksAreFull(family, error) : error;
    }
  };
  try {
    for (const family of [4, 6] as const) {
      const candidates = ofFamily(subnets, family);
      if (candidates.length === 0) continue;
      const wanted = requested.find((address) => address.family === family);
      taken.push(wanted === undefined ? nextOf(family, candidates) : exactly(store, holder, kept, candidates, wanted));
    }
  } catch (error) {
    store.release(
      holder,
      taken.map(({ address }) => formatAddress(address)),
    );
    throw error;
  }
  return taken.map(({ address, subnet: { subnet, gateway } }) => ({
    address: { address, length: subnet.length },
    gateway,
  }));
}

/** Where none is left, also those that names have had no use for in a long time. */
function nextOrExpired(...args: Parameters<typeof next>): ReturnType<typeof next> {
  try {
    return next(...args);
  } catch (error) {
    const [store, , { isSticky }] = args;
    if (!(error instanceof PoolIsFull && isSticky && store.dropExpired())) throw error;
    return next(...args);
  }
}

/**
 * The address that is the name's of the holder, if the network still gives it.
 * @param kept those of them that are reserved for the name already
 */
function again(
  store: Store,
  ofName: readonly Address[],
  kept: readonly Address[],
  subnets: readonly Numbered[],
  { holder, isFree }: Wishes,
): { address: Address; subnet: Numbered } | undefined {
  for (const address of ofName) {
    // In a cluster it may lie in another node's block.
    const subnet = subnets.find((one) => isWithin(address, one));
    if (subnet === undefined || withheldOf(subnet).some((one) => sameAddress(one, address)) || !isFree(address))
      continue;
    if (kept.some((one) => sameAddress(one, address))) store.takeKept(holder, formatAddress(address));
    else if (store.reserve(holder, [address], subnet.id) === undefined) continue;
    return { address, subnet };
  }
  return undefined;
}

function next(
  store: Store,
  subnets: readonly Numbered[],
  { holder, isFree }: Wishes,
): { address: Address; subnet: Numbered } {
  const unfree: Address[] = [];
  function* candidatesOf(subnet: Numbered): Generator<Address, void> {
    for (const address of ring(subnet.spans, store.lastReserved(subnet.id), withheldOf(subnet))) {
      if (isFree(address)) yield address;
      else unfree.push(address);
    }
    const { spare, excluded } = subnet;
    if (spare === undefined || !isIn(spare, subnet.spans) || excluded.some((one) => sameAddress(one, spare))) return;
    if (isFree(spare)) yield spare;
    else unfree.push(spare);
  }
  for (const subnet of subnets) {
    if (subnet.spans.length === 0) continue;
    const address = store.reserve(holder, candidatesOf(subnet), subnet.id);
    if (address !== undefined) return { address, subnet };
  }
  const after = subnets.length === 1 ? store.lastReserved((subnets[0] as Numbered).id) : undefined;
  const never = subnets.flatMap(({ gateway, excluded }) => [gateway ?? [], excluded].flat());
  const spans = subnets.flatMap((subnet) => subnet.spans);
  throw spans.length === 0
    ? new PoolIsFull("this node has no block")
    : exhausted(store, spans, [...never, ...unfree], after);
}

const isIn = (address: Address, spans: readonly Span[]): boolean => spans.some((span) => isWithin(address, span));

function exactly(
  store: Store,
  holder: Holder,
  kept: readonly Address[],
  subnets: readonly Numbered[],
  wanted: Address,
): { address: Address; subnet: Numbered } {
  const subnet = subnetOf(subnets, wanted) as Numbered;
  if (kept.some((address) => sameAddress(address, wanted))) store.takeKept(holder, formatAddress(wanted));
  else if (store.reserve(holder, [wanted], subnet.id) === undefined) throw addressTaken(store, formatAddress(wanted));
  return { address: wanted, subnet };
}
