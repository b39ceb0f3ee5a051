import type { ExchangeReply, ExchangeRequest } from "../../cluster/protocol.ts";
import { isFailure } from "../../cluster/protocol.ts";
import type { ClusterConfig } from "../../config/cluster.ts";
import type { NetworkConfig, Subnet } from "../../config/network-config.ts";
import { ErrorCode, PluginError } from "../../errors.ts";
import {
  type Address,
  contains,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "../../ip/address.ts";
import { makeFolder } from "../../system/files.ts";
import { withLock } from "../../system/lock.ts";
import { machineId } from "../boot.ts";
import { type Store, withStore } from "../store.ts";
import { areGood, areOf, type Claims, claimsText, covers, folderOf, readClaims, writeClaims } from "./claims.ts";
import { strikeUnused } from "./give-back.ts";
import { askStore, STORE_MS } from "./node-program.ts";

/** A network's pool in a cluster, as one node sees it. */
export interface ClusterPool {
  readonly network: string;
  readonly dataDir: string;
  readonly cluster: ClusterConfig;
  readonly subnets: readonly Subnet[];
  /** Where the program that asks the store is looked for. */
  readonly folders: readonly string[];
  readonly warn: (message: string) => void;
}

/** @returns undefined for a network that is this node's alone */
export function clusterPool(
  { name, ipam }: Pick<NetworkConfig, "name" | "ipam">,
  folders: readonly string[],
  warn: (message: string) => void,
): ClusterPool | undefined {
  if (ipam.type !== "builtin" || ipam.cluster === undefined) return undefined;
  const { dataDir, cluster, subnets } = ipam;
  return { network: name, dataDir, cluster, subnets, folders, warn };
}

/** What cannot be given from the claims at hand. */
export type Need =
  /** The store was not asked in this boot. Of the families of these subnets some block will be needed. */
  | { readonly kind: "word"; readonly subnets: readonly Subnet[] }
  | { readonly kind: "block"; readonly subnets: readonly Subnet[] }
  | { readonly kind: "addresses"; readonly addresses: readonly Address[] }
  /** Nothing now: one block ahead of each family of these subnets, where no empty one is at hand. */
  | { readonly kind: "spare"; readonly subnets: readonly Subnet[] };

/** What came of asking the store. */
export interface Contact {
  /** Blocks of the wanted subnets that each node has: there is none left. */
  readonly full: Readonly<Record<string, number>> | undefined;
  /** Why the store did not answer; undefined where it did, or somebody else has asked meanwhile. */
  readonly failure: Claims["failure"];
}

/**
 * Tells the store what this node has done with its claims, and asks for what is needed. One process at a time does: of two that find
 * the blocks full the second uses what the first has got. The network's lock is not held meanwhile.
 *
 * @param seen the text of the claims that did not suffice
 * @throws PluginError 103 where another node has an address that is needed, 7 where the store refuses what is asked
 */
export function contactStore(pool: ClusterPool, need: Need, seen: string | undefined): Contact {
  const { dataDir, network } = pool;
  makeFolder(folderOf(dataDir));
  return withLock(`${folderOf(dataDir)}/.${network}.lock`, () => {
    const before = inStore(pool, (store) => prepare(pool, store, need, seen));
    if (before === undefined) return { full: undefined, failure: undefined };
    const { kept, held, request } = before;
    let answer = askStore<ExchangeReply>(pool.folders, request);
    const unclaimed = isFailure(answer) ? [] : unclaimedOf(held, answer, request);
    // Claims were taken from this node, and containers hold what was in them: perhaps nobody has claimed it since.
    if (!isFailure(answer) && unclaimed.length > 0) {
      const known = [...answer.blocks, ...answer.addresses];
      const again = { ...request, known, renew: [], giveBack: [], adopt: unclaimed, wanted: { addresses: [] } };
      const second = askStore<ExchangeReply>(pool.folders, again);
      if (isFailure(second)) answer = second;
      else answer = { ...second, full: answer.full, conflicts: [...answer.conflicts, ...second.conflicts] };
    }
    if (!isFailure(answer)) {
      const reply = answer;
      inStore(pool, (store) => writeClaims(dataDir, network, claimsOf(store, reply, kept)));
      report(pool, reply, need);
      return { full: need.kind === "block" ? reply.full : undefined, failure: undefined };
    }
    const failure = { since: kept?.failure?.since ?? new Date().toISOString(), message: answer.message };
    // What was struck is this node's again when the store is reached: it says so then.
    if (kept !== undefined) inStore(pool, () => writeClaims(dataDir, network, { ...kept, failure }));
    if (answer.failure === "refused")
      throw new PluginError(ErrorCode.invalidConfiguration, answer.message, "/ipam/cluster");
    return { full: undefined, failure };
  });
}

/** Tells the store what this node has done with its claims, and learns what has become of them. @throws as {@link contactStore} */
export function tellStore(pool: ClusterPool): Contact {
  const seen = inStore(pool, () => claimsText(pool.dataDir, pool.network));
  // The agent does so all the time, and claims ahead: no ADD waits for the API then.
  const subnets = pool.cluster.store.type === "kubernetes" ? pool.subnets : [];
  return contactStore(pool, { kind: "spare", subnets }, seen);
}

interface Prepared {
  /** The claims that go on meanwhile. */
  readonly kept: Claims | undefined;
  /** Addresses of the pool that are reserved on this node. */
  readonly held: readonly Address[];
  readonly request: ExchangeRequest;
}

/** @returns undefined where another process has asked the store since the claims were seen */
function prepare(pool: ClusterPool, store: Store, need: Need, seen: string | undefined): Prepared | undefined {
  const { dataDir, network, cluster, subnets } = pool;
  const text = claimsText(dataDir, network);
  const claims = readClaims(text);
  const isAsked = areGood(claims, { ...cluster, trustAfterBoot: false }, store.boot);
  if (text !== seen && isAsked && claims?.failure === undefined) return undefined;
  const present = areOf(claims, cluster) ? claims : undefined;
  // What an earlier boot left is nobody's, and claims nothing.
  store.scan(true);
  const isOfPool = (address: Address) => subnets.some(({ subnet }) => contains(subnet, address));
  const held = store
    .names()
    .flatMap((name) => parseAddress(name) ?? [])
    .filter(isOfPool);
  const wanted = need.kind === "addresses" ? need.addresses : [];
  const strike = present && strikeUnused(present, held, wanted, now());
  if (strike !== undefined && strike.struck.length > 0) writeClaims(dataDir, network, strike.kept);
  const adopt = held.filter((address) => strike === undefined || !covers(strike.kept, address));
  const known = [
    ...(strike?.kept.blocks ?? []).map(formatPrefix),
    ...(strike?.kept.addresses ?? []).map(formatAddress),
  ];
  const request: ExchangeRequest = {
    operation: "exchange",
    store: cluster.store,
    timeoutMs: STORE_MS,
    pool: network,
    node: cluster.node,
    machine: machineId(),
    blockSize: { ipv4: cluster.blockSize[4], ipv6: cluster.blockSize[6] },
    subnets: subnets.map(({ subnet }) => formatPrefix(subnet)),
    known,
    held: Object.fromEntries((strike?.kept.blocks ?? []).map((block) => [formatPrefix(block), countIn(block, held)])),
    renew: isAsked ? [] : known.filter((text) => !isHeldIn(text, held)),
    giveBack: strike?.struck ?? [],
    adopt: adopt.map(formatAddress),
    wanted: wantedOf(need, strike?.kept.blocks ?? [], held),
  };
  return { kept: strike?.kept, held, request };
}

const countIn = (block: Prefix, held: readonly Address[]): number =>
  held.filter((address) => contains(block, address)).length;

/** Whether an address of a claim is held. */
function isHeldIn(claim: string, held: readonly Address[]): boolean {
  const block = parsePrefix(claim);
  return held.some((address) => (block === undefined ? formatAddress(address) === claim : contains(block, address)));
}

/** What of these addresses the store's answer does not give to this node, and was not asked for. */
function unclaimedOf(held: readonly Address[], reply: ExchangeReply, { adopt }: ExchangeRequest): string[] {
  const blocks = prefixesOf(reply.blocks);
  return held
    .filter((address) => !blocks.some((block) => contains(block, address)))
    .map(formatAddress)
    .filter((text) => !reply.addresses.includes(text) && !adopt.includes(text));
}

const prefixesOf = (texts: readonly string[]): Prefix[] => texts.flatMap((text) => parsePrefix(text) ?? []);

function wantedOf(need: Need, blocks: readonly Prefix[], held: readonly Address[]): ExchangeRequest["wanted"] {
  if (need.kind === "addresses") return { addresses: need.addresses.map(formatAddress) };
  const empty = need.kind === "spare" ? blocks.filter((block) => countIn(block, held) === 0) : [];
  const subnets = need.subnets.filter(({ subnet }) =>
    empty.every(({ address }) => address.family !== subnet.address.family),
  );
  const ranges = subnets.map(({ subnet, first, last }) => ({
    subnet: formatPrefix(subnet),
    first: formatAddress(first),
    last: formatAddress(last),
  }));
  return { ranges, ifNone: need.kind === "word" };
}

function claimsOf(store: Store, reply: ExchangeReply, kept: Claims | undefined): Claims {
  const addresses = (texts: readonly string[]): Address[] => texts.flatMap((text) => parseAddress(text) ?? []);
  return {
    node: reply.node,
    boot: store.boot,
    blocks: prefixesOf(reply.blocks),
    addresses: addresses(reply.addresses),
    except: addresses(reply.except),
    emptySince: kept?.emptySince ?? {},
    failure: undefined,
  };
}

function report({ network, warn }: ClusterPool, { conflicts }: ExchangeReply, need: Need): void {
  const isWanted = (text: string) =>
    need.kind === "addresses" && need.addresses.some((one) => formatAddress(one) === text);
  for (const { address, node, block } of conflicts) {
    const whose =
      block === undefined ? `the node ${node} has claimed it` : `it lies in ${block}, a block of the node ${node}`;
    if (isWanted(address)) {
      throw new PluginError(
        ErrorCode.addressTaken,
        `requested address ${address} is not this node's to give: ${whose}`,
      );
    }
    warn(`network ${network}: a container of this node holds ${address}, and ${whose}: one of the two must go`);
  }
}

function inStore<T>({ dataDir, network }: ClusterPool, work: (store: Store) => T): T {
  return withStore(dataDir, network, true, work) as T;
}

const now = (): number => Math.floor(Date.now() / 1000);
