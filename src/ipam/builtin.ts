import type { IpamConfig, Subnet } from "../config/network-config.ts";
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
import { once } from "../system/files.ts";
import { choosePool, poolOf } from "./default-pool.ts";
import { exhausted } from "./exhausted.ts";
import type { Allocation, Ipam, IpamContext } from "./ipam.ts";
import { addressTaken, type Choice, checkAvailable, checkHeld, refuseSecond, releaseOthers } from "./reservations.ts";
import { inSpan, ring, type Span } from "./span.ts";
import { type Holder, releaseHolder, type Store, withStore } from "./store.ts";

type BuiltinConfig = Extract<IpamConfig, { type: "builtin" }>;

/** A subnet and its place in the configuration, which numbers its last_reserved_ip. */
interface Numbered extends Subnet {
  readonly id: number;
}

/**
 * Docker's way of giving addresses: one of each family that has a subnet, from the first subnet with a free one, or
 * from the one that holds the address asked for. Within a subnet the order is host-local's, and so are the files.
 */
export function openBuiltin(context: IpamContext, ipam: BuiltinConfig): Ipam {
  const { name } = context.config;
  const { dataDir } = ipam;
  const holder = { containerId: context.containerId, ifname: context.ifname };
  return {
    releasesOverLink: false,
    add(): Allocation {
      const pool = ipam.defaultPool ? choosePool(dataDir, name, context.hostPrefixes) : undefined;
      const subnets = numbered(ipam.subnets, pool);
      const requested = context.config.requested.map(({ address }) => address);
      for (const address of requested) checkRequest(subnets, address);
      const addresses = withStore(dataDir, name, true, (store) => reserve(store, holder, subnets, requested)) ?? [];
      return { addresses, routes: ipam.routes, dns: undefined };
    },
    del: () => releaseHolder(dataDir, name, holder),
    check(previous) {
      const whole = numbered(ipam.subnets, poolOf(dataDir, name)).map((subnet) => ({
        ...subnet,
        ...usableRange(subnet.subnet),
      }));
      checkHeld(dataDir, name, holder, whole, previous);
    },
    gc: (valid) => releaseOthers(dataDir, name, valid),
    status() {
      const pool = ipam.defaultPool ? choosePool(dataDir, name, context.hostPrefixes) : undefined;
      const subnets = numbered(ipam.subnets, pool);
      const choices = ([4, 6] as const).map((family): Choice => {
        const spans = ofFamily(subnets, family);
        return { spans, never: spans.flatMap(neverOf) };
      });
      checkAvailable(
        dataDir,
        name,
        choices.filter(({ spans }) => spans.length > 0),
      );
    },
  };
}

function numbered(subnets: readonly Subnet[], pool: Prefix | undefined): readonly Numbered[] {
  const all = [...subnets];
  if (pool !== undefined) {
    const { first, last } = usableRange(pool);
    all.push({ subnet: pool, gateway: first, first, last, excluded: [] });
  }
  return all.map((subnet, id) => ({ ...subnet, id }));
}

function ofFamily(subnets: readonly Numbered[], family: Family): readonly Numbered[] {
  return subnets.filter(({ subnet }) => subnet.address.family === family);
}

function neverOf({ gateway, excluded }: Subnet): readonly Address[] {
  return gateway === undefined ? excluded : [gateway, ...excluded];
}

/** Docker's rule for --ip: anywhere in a subnet, outside --ip-range too, but no address that has another use. */
function checkRequest(subnets: readonly Numbered[], address: Address): void {
  const refuse = (why: string) =>
    new PluginError(ErrorCode.invalidConfiguration, `requested address ${formatAddress(address)} ${why}`);
  const found = subnets.find(({ subnet }) => contains(subnet, address));
  if (found === undefined) {
    const list = subnets.map(({ subnet }) => formatPrefix(subnet)).join(", ");
    throw refuse(`is in none of the network's subnets: ${list}`);
  }
  const subnet = formatPrefix(found.subnet);
  if (found.gateway !== undefined && sameAddress(found.gateway, address)) throw refuse(`is the gateway of ${subnet}`);
  if (found.excluded.some((other) => sameAddress(other, address)))
    throw refuse(`is one of the auxAddresses of ${subnet}`);
  if (!inSpan({ ...found, ...usableRange(found.subnet) }, address)) throw refuse(`is ${subnet}'s own, no host's`);
}

function reserve(
  store: Store,
  holder: Holder,
  subnets: readonly Numbered[],
  requested: readonly Address[],
): { address: Prefix; gateway: Address | undefined }[] {
  store.open(holder.containerId, true);
  const { named, unnamed } = store.find(holder);
  const held = [...named, ...unnamed].map((text) => parseAddress(text) as Address);
  const whole: readonly Span[] = subnets.map((subnet) => ({ ...subnet, ...usableRange(subnet.subnet) }));
  refuseSecond(holder, whole, held);
  const taken: Address[] = [];
  try {
    for (const family of [4, 6] as const) {
      const candidates = ofFamily(subnets, family);
      if (candidates.length === 0) continue;
      const wanted = requested.find((address) => address.family === family);
      taken.push(wanted === undefined ? next(store, holder, candidates) : exactly(store, holder, candidates, wanted));
    }
  } catch (error) {
    store.release(holder, taken.map(formatAddress));
    throw error;
  }
  return taken.map((address) => {
    const { subnet, gateway } = subnets.find((one) => contains(one.subnet, address)) as Numbered;
    return { address: { address, length: subnet.length }, gateway };
  });
}

function next(store: Store, holder: Holder, subnets: readonly Numbered[]): Address {
  for (const subnet of subnets) {
    const after = store.lastReserved(subnet.id);
    const address = store.reserve(holder, ring([subnet], after, neverOf(subnet)), subnet.id);
    if (address !== undefined) return address;
  }
  const after = subnets.length === 1 ? store.lastReserved((subnets[0] as Numbered).id) : undefined;
  throw exhausted(store, subnets, subnets.flatMap(neverOf), after);
}

function exactly(store: Store, holder: Holder, subnets: readonly Numbered[], wanted: Address): Address {
  const { id } = subnets.find(({ subnet }) => contains(subnet, wanted)) as Numbered;
  if (store.reserve(holder, once(wanted), id) === undefined) throw addressTaken(store, formatAddress(wanted));
  return wanted;
}
