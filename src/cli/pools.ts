import type { NetworkConfig, Subnet } from "../config/network-config.ts";
import { wholeSubnet } from "../config/subnets.ts";
import { type Address, formatAddress, formatPrefix, parseAddress } from "../ip/address.ts";
import { finder } from "../ip/bounds.ts";
import { claimsText, readClaims, spansWithin } from "../ipam/cluster/claims.ts";
import { poolOf } from "../ipam/default-pool.ts";
import { capacity, ring, type Span } from "../ipam/span.ts";
import { type Holder, withStore } from "../ipam/store.ts";

/** Addresses in a row that a network gives to containers. */
export interface NetworkSpan extends Span {
  /** Never given. */
  readonly never: readonly Address[];
  /** Given when nothing else is left. */
  readonly spare: Address | undefined;
  /** The number of its last_reserved_ip. */
  readonly id: number;
  /** JSON pointer in the plugin's entry. */
  readonly pointer: string;
}

/** Spans of one family of which a container gets one address. */
export interface Pool {
  readonly spans: readonly NetworkSpan[];
  /** Addresses that can ever be given. */
  readonly size: bigint;
}

/** A pool, and what is held of it now. */
export interface PoolState extends Pool {
  readonly held: number;
  /** What the next container gets that asks for none; undefined where nothing is free. */
  readonly next: Address | undefined;
}

/** One address that is reserved. */
export interface Reserved {
  readonly address: Address;
  readonly holder: Holder | undefined;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** What the built-in allocator and host-local keep of a network; of other IPAMs nothing is known. */
export function dataDirOf({ ipam }: NetworkConfig): string | undefined {
  return ipam.type === "builtin" || ipam.type === "host-local" ? ipam.dataDir : undefined;
}

/** Every span that the configuration names. */
export function spansOf({ ipam }: NetworkConfig): readonly NetworkSpan[] {
  if (ipam.type === "builtin") {
    return ipam.subnets.map((one, id) => builtinSpan(one, id, `/ipam/subnets/${id}/subnet`));
  }
  if (ipam.type !== "host-local") return [];
  return ipam.rangeSets.flatMap((ranges, id) =>
    ranges.map((range) => ({
      ...range,
      spare: undefined,
      never: ranges.map(({ gateway }) => gateway),
      id,
      pointer: "/ipam",
    })),
  );
}

function builtinSpan(subnet: Subnet, id: number, pointer: string): NetworkSpan {
  const { gateway, excluded } = subnet;
  return { ...subnet, never: gateway === undefined ? excluded : [gateway, ...excluded], id, pointer };
}

/** The pools that the network draws from: one of each family, or with host-local one of each set. */
export function poolsOf(config: NetworkConfig): readonly Pool[] {
  const { ipam, name } = config;
  let spans = spansOf(config);
  const chosen = ipam.type === "builtin" && ipam.defaultPool ? poolOf(ipam.dataDir, name) : undefined;
  if (ipam.type === "builtin" && chosen !== undefined) {
    spans = [...spans, builtinSpan(wholeSubnet(chosen, ipam.hasGateways), spans.length, "/ipam")];
  }
  const keyOf = ({ id, first }: NetworkSpan): number => (ipam.type === "host-local" ? id : first.family);
  return [...Map.groupBy(spans, keyOf).values()].map((all) => ({
    spans: all,
    size: capacity(
      all,
      all.flatMap(({ never }) => never),
    ),
  }));
}

/** The pools as far as they are this node's: of a cluster's, what lies in the blocks at hand, if anything does. */
function poolsHere(config: NetworkConfig): readonly Pool[] {
  const { ipam, name } = config;
  const pools = poolsOf(config);
  if (ipam.type !== "builtin" || ipam.cluster === undefined) return pools;
  const claims = readClaims(claimsText(ipam.dataDir, name));
  return pools.flatMap(({ spans: all }) => {
    const spans = all.flatMap((span): NetworkSpan[] => {
      const subnet = ipam.subnets[span.id];
      if (claims === undefined || subnet === undefined) return [];
      const never = [...span.never, ...claims.except];
      return spansWithin(claims, subnet).map((part) => ({ ...span, ...part, never }));
    });
    const never = spans.flatMap((span) => span.never);
    return spans.length === 0 ? [] : [{ spans, size: capacity(spans, never) }];
  });
}

/**
 * The pools with what is held of them on this node. Reads names alone, no reservation.
 * @param own the host's own addresses, in their canonical text: the built-in allocator gives them to nobody
 */
export function poolStates(config: NetworkConfig, own: ReadonlySet<string> = new Set()): readonly PoolState[] {
  const dataDir = dataDirOf(config);
  if (dataDir === undefined) return [];
  const withheld = config.ipam.type === "builtin" ? own : new Set<string>();
  const stateOf = (names: readonly string[], last: (id: number) => Address | undefined): readonly PoolState[] => {
    const pools = poolsHere(config);
    const taken = new Set([...names, ...withheld]);
    const held = names.map(parseAddress).filter((address) => address !== undefined);
    return pools.map((pool) => {
      const spanOf = finder(pool.spans);
      return {
        ...pool,
        held: held.filter((address) => spanOf(address) !== undefined).length,
        next: nextOf(pool, taken, last),
      };
    });
  };
  const states = withStore(dataDir, config.name, false, (store) =>
    stateOf(store.names(), (id) => store.lastReserved(id)),
  );
  return states ?? stateOf([], () => undefined);
}

/** The built-in allocator goes through one subnet after another, host-local around a whole set. */
function nextOf(
  { spans }: Pool,
  taken: ReadonlySet<string>,
  last: (id: number) => Address | undefined,
): Address | undefined {
  const isFree = (address: Address): boolean => !taken.has(formatAddress(address));
  for (const [id, around] of Map.groupBy(spans, (span) => span.id)) {
    const withheld = around.flatMap(({ never, spare }) => (spare === undefined ? never : [...never, spare]));
    for (const address of ring(around, last(id), withheld)) if (isFree(address)) return address;
  }
  return spans.map(({ spare }) => spare).find((spare) => spare !== undefined && isFree(spare));
}

/** Every reservation of a network, with who holds it. */
export function reservationsOf(dataDir: string, network: string): readonly Reserved[] {
  const reserved = withStore(dataDir, network, false, (store) =>
    store.names().flatMap((name) => {
      const address = parseAddress(name);
      if (address === undefined) return [];
      return [{ address, holder: store.holderOf(name), since: Number(store.reservedAt(name) / 1_000_000n) }];
    }),
  );
  return reserved ?? [];
}

/** `192.168.1.0/24, 192.168.2.0/24` */
export const shownSubnets = ({ spans }: Pool): string =>
  [...new Set(spans.map(({ subnet }) => formatPrefix(subnet)))].join(", ");
