import type { NamedAddresses, NamesHere } from "../../cluster/protocol.ts";
import { type Address, formatAddress, parseAddress } from "../../ip/address.ts";
import type { Holder } from "../holder-index.ts";
import { keptName } from "../kept.ts";
import type { Store } from "../store.ts";
import { type Claims, lockedClaims, type NameAtHand } from "./claims.ts";

/*
 * With ipam.sticky the addresses of a cluster's pool follow a name from node to node. A node gives them while it has the name, which
 * it takes from the store when a container comes up by it and gives back when that has gone. Between that and the store's word for it
 * the reservation stays, kept for the name as on a node alone.
 */

/** A name has been taken for a container that comes up, which may take so long, in seconds. */
const COMING_S = 60;

/** A name as the store knows it: of a container's interface. */
export function fullName(name: string, ifname: string): string {
  return `${name} ${ifname}`;
}

/** What the reservations of this node say of names. */
export interface NamesInStore {
  readonly here: Omit<NamesHere, "wanted">;
  /** Reserved for what has no name: as everywhere in a pool without names. */
  readonly unnamed: readonly Address[];
  /** Kept for names, to be removed when the store has been told. */
  readonly kept: readonly { readonly owner: Holder; readonly address: string }[];
}

/**
 * @param reserved all addresses of the pool that are reserved here
 * @param wanted a name that a container is about to come up by
 */
export function namesIn(
  store: Store,
  reserved: readonly Address[],
  known: Readonly<Record<string, NameAtHand>>,
  wanted: string | undefined,
): NamesInStore {
  const unnamed: Address[] = [];
  const kept: { owner: Holder; address: string; name: string }[] = [];
  const held = new Map<string, Address[]>();
  const left = new Map<string, Address[]>();
  const add = (to: Map<string, Address[]>, name: string, address: Address) =>
    to.set(name, [...(to.get(name) ?? []), address]);
  for (const address of reserved) {
    const text = formatAddress(address);
    const holder = store.holderOf(text);
    const without = holder && keptName(holder);
    if (holder !== undefined && without !== undefined) {
      const name = fullName(without, holder.ifname);
      kept.push({ owner: holder, address: text, name });
      add(left, name, address);
    } else if (holder?.keptFor !== undefined) add(held, fullName(holder.keptFor, holder.ifname), address);
    else unnamed.push(address);
  }
  const now = Date.now() / 1000;
  const isComing = (name: string) => name === wanted || (known[name]?.takenAt ?? 0) + COMING_S > now;
  const of = (name: string): NamedAddresses => {
    const all = [known[name]?.addresses ?? [], held.get(name) ?? [], left.get(name) ?? []].flat();
    const one = ([4, 6] as const).flatMap((family) => all.find((address) => address.family === family) ?? []);
    return { name, addresses: one.map(formatAddress) };
  };
  const gone = new Set([...left.keys(), ...Object.keys(known)].filter((name) => !held.has(name) && !isComing(name)));
  const stays = [...new Set([...held.keys(), ...left.keys()])].filter((name) => !gone.has(name)).map(of);
  const isItsOwn = (address: string) => stays.some(({ addresses }) => addresses.includes(address));
  return {
    here: { known: Object.keys(known), held: stays, idle: [...gone].map(of) },
    unnamed,
    kept: kept.filter(({ name, address }) => gone.has(name) || !isItsOwn(address)),
  };
}

/** What the store's answer gives to this node, by name. @param taken the name that was wanted */
export function namesAtHand(
  names: readonly NamedAddresses[],
  wanted: string | undefined,
  before: Readonly<Record<string, NameAtHand>>,
): Record<string, NameAtHand> {
  return Object.fromEntries(
    names.map(({ name, addresses }): [string, NameAtHand] => [
      name,
      {
        addresses: addresses.flatMap((text) => parseAddress(text) ?? []),
        takenAt: name === wanted ? Math.floor(Date.now() / 1000) : before[name]?.takenAt,
      },
    ]),
  );
}

/** The name at hand; undefined where this node has it not. */
export function atHand({ names }: Claims, name: string): NameAtHand | undefined {
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

/** Whether the name is on this node, as far as its claims say. */
export function hasName({ dataDir, network }: { dataDir: string; network: string }, name: string): boolean {
  const claims = lockedClaims(dataDir, network);
  return claims !== undefined && atHand(claims, name) !== undefined;
}
