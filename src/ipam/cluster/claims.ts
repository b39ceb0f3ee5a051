import { isObject, tryJson } from "../../cni/json.ts";
import type { ClusterConfig } from "../../config/cluster.ts";
import type { Subnet } from "../../config/network-config.ts";
import {
  type Address,
  contains,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
  sameAddress,
} from "../../ip/address.ts";
import { boundsOf, intersection } from "../../ip/bounds.ts";
import { makeFolder, readSmall, replaceFile } from "../../system/files.ts";
import type { Span } from "../span.ts";
import { withStore } from "../store.ts";

/*
 * What this node has claimed of a network's pool: DATADIR/.ipvlan-cni/cluster/NETWORK, a copy of what the store says of it. Whoever
 * reads or writes it holds the network's lock. One that cannot be read is as good as none: the store is asked then.
 */

/** This node's claims, as they were when the store was last asked. */
export interface Claims {
  /** By which they are known in the store. */
  readonly node: string;
  /** The boot in which the store was last asked; undefined where the kernel tells none. */
  readonly boot: string | undefined;
  readonly blocks: readonly Prefix[];
  /** Claimed alone, each for a container that asked for it. */
  readonly addresses: readonly Address[];
  /** Addresses in the blocks that are other nodes', or of names that are not on this one. */
  readonly except: readonly Address[];
  /** Names that addresses follow and that are on this node, as the store knows them. */
  readonly names: Readonly<Record<string, NameAtHand>>;
  /** Since when blocks are empty, by their text; seconds since 1970. */
  readonly emptySince: Readonly<Record<string, number>>;
  /** Since when the store is not reached, and why; undefined where the last try succeeded. */
  readonly failure: { readonly since: string; readonly message: string } | undefined;
}

/** A name that is on this node. */
export interface NameAtHand {
  /** What the name has; none before its first container has got one. */
  readonly addresses: readonly Address[];
  /** When it was taken for a container that has no address yet, in seconds since 1970. */
  readonly takenAt: number | undefined;
}

export const folderOf = (dataDir: string): string => `${dataDir}/.ipvlan-cni/cluster`;
const fileOf = (dataDir: string, network: string): string => `${folderOf(dataDir)}/${network}`;

/** The text that {@link readClaims} reads; undefined where there is none. */
export function claimsText(dataDir: string, network: string): string | undefined {
  return readSmall(fileOf(dataDir, network));
}

/** The network's claims, for who does not hold its lock; undefined where there are none. */
export function lockedClaims(dataDir: string, network: string): Claims | undefined {
  return withStore(dataDir, network, false, () => readClaims(claimsText(dataDir, network)));
}

/** @returns undefined for what is no list of claims */
export function readClaims(text: string | undefined): Claims | undefined {
  const raw = text === undefined ? undefined : tryJson(text);
  if (!isObject(raw) || typeof raw.node !== "string") return undefined;
  const { node, boot, blocks, addresses, except, emptySince, failure } = raw;
  const [ofBlocks, ofAddresses, ofExcept] = [
    each(blocks, parsePrefix),
    each(addresses, parseAddress),
    each(except, parseAddress),
  ];
  if (ofBlocks === undefined || ofAddresses === undefined || ofExcept === undefined) return undefined;
  return {
    node,
    boot: typeof boot === "string" ? boot : undefined,
    blocks: ofBlocks,
    addresses: ofAddresses,
    except: ofExcept,
    names: readNames(raw.names),
    emptySince: isObject(emptySince) ? (emptySince as Record<string, number>) : {},
    failure: isObject(failure) ? (failure as unknown as Claims["failure"]) : undefined,
  };
}

export function writeClaims(dataDir: string, network: string, claims: Claims): void {
  const text = JSON.stringify({
    ...claims,
    blocks: claims.blocks.map(formatPrefix),
    addresses: claims.addresses.map(formatAddress),
    except: claims.except.map(formatAddress),
    names: Object.fromEntries(
      Object.entries(claims.names).map(([name, { addresses, takenAt }]) => [
        name,
        { addresses: addresses.map(formatAddress), takenAt },
      ]),
    ),
  });
  makeFolder(folderOf(dataDir));
  replaceFile(fileOf(dataDir, network), text);
}

function readNames(raw: unknown): Record<string, NameAtHand> {
  const names: Record<string, NameAtHand> = {};
  for (const [name, one] of Object.entries(isObject(raw) ? raw : {})) {
    const addresses = isObject(one) ? each(one.addresses, parseAddress) : undefined;
    if (!isObject(one) || addresses === undefined) continue;
    names[name] = { addresses, takenAt: typeof one.takenAt === "number" ? one.takenAt : undefined };
  }
  return names;
}

function each<T>(list: unknown, parse: (text: string) => T | undefined): T[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const parsed = list.map((one) => (typeof one === "string" ? parse(one) : undefined));
  return parsed.every((one) => one !== undefined) ? (parsed as T[]) : undefined;
}

/** Whether the claims are those of the node that the configuration names, if it names one. */
export function areOf(claims: Claims | undefined, { node }: Pick<ClusterConfig, "node">): claims is Claims {
  return claims !== undefined && (node === undefined || claims.node === node);
}

/** Whether the node may give addresses by these claims: they are its own, and verified in this boot or trusted. */
export function areGood(
  claims: Claims | undefined,
  cluster: ClusterConfig,
  boot: string | undefined,
): claims is Claims {
  if (!areOf(claims, cluster)) return false;
  return cluster.trustAfterBoot || (boot !== undefined && claims.boot === boot);
}

/** Whether the node has the address, in a block, alone, or by a name. */
export function covers({ blocks, addresses, except, names }: Claims, address: Address): boolean {
  const isIt = (one: Address) => sameAddress(one, address);
  if (Object.values(names).some((name) => name.addresses.some(isIt))) return true;
  return addresses.some(isIt) || (blocks.some((block) => contains(block, address)) && !except.some(isIt));
}

/** What of a subnet may be given by the node: parts of its range that lie in blocks, in the order of their addresses. */
export function spansWithin({ blocks }: Claims, { subnet, gateway, first, last }: Subnet): Span[] {
  return blocks
    .flatMap((block) => intersection(boundsOf(block), { first, last }) ?? [])
    .map((part) => ({ ...part, subnet, gateway }))
    .sort((a, b) => (a.first.value < b.first.value ? -1 : 1));
}
