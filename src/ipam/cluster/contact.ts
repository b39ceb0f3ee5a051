import type { ExchangeReply, ExchangeRequest, NamedAddresses } from "../../cluster/protocol.ts";
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
  sameAddress,
} from "../../ip/address.ts";
import { makeFolder } from "../../system/files.ts";
import { withLock } from "../../system/lock.ts";
import { machineId } from "../boot.ts";
import { type Store, withStore } from "../store.ts";
import { areGood, areOf, type Claims, claimsText, covers, folderOf, readClaims, writeClaims } from "./claims.ts";
import { strikeUnused } from "./give-back.ts";
import { atHand, type NamesInStore, namesAtHand, namesIn } from "./names.ts";
import { askStore, STORE_MS } from "./node-program.ts";

/** A network's pool in a cluster, as one node sees it. */
export interface ClusterPool {
  readonly network: string;
  readonly dataDir: string;
  readonly cluster: ClusterConfig;
  readonly subnets: readonly Subnet[];
  /** Addresses follow names. */
  readonly isSticky: boolean;
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
  const { dataDir, cluster, subnets, sticky } = ipam;
  return { network: name, dataDir, cluster, subnets, isSticky: sticky, folders, warn };
}

/** What cannot be given from the claims at hand. */
export type Need =
  /** The store was not asked in this boot. Of the families of these subnets some block will be needed. */
  | { readonly kind: "word"; readonly subnets: readonly Subnet[] }
  | { readonly kind: "block"; readonly subnets: readonly Subnet[] }
  | { readonly kind: "addresses"; readonly addresses: readonly Address[] }
  /** A name that is not at hand. */
  | { readonly kind: "name" }
  /** Nothing now: one block ahead of each family of these subnets, where no empty one is at hand. */
  | { readonly kind: "spare"; readonly subnets: readonly Subnet[] };

/** What came of asking the store. */
export interface Contact {
  /** Blocks of the wanted subnets that each node has: there is none left. */
  readonly full: Readonly<Record<string, number>> | undefined;
  /** The node that has the wanted name. */
  readonly nameIsAt: string | undefined;
  /** Why the store did not answer; undefined where it did, or somebody else has asked meanwhile. */
  readonly failure: Claims["failure"];
}

/**
 * Tells the store what this node has done with its claims, and asks for what is needed. One process at a time does: of two that find
 * the blocks full the second uses what the first has got. The network's lock is not held meanwhile.
 *
 * @param seen the text of the claims that did not suffice
 * @param wish a name that is taken for a container which comes up by it, see fullName, and whether claims that another process has
 *   got meanwhile will do
 * @throws PluginError 103 where another node has an address that is needed, 7 where the store refuses what is asked
 */
export function contactStore(
  pool: ClusterPool,
  need: Need,
  seen: string | undefined,
  wish: { readonly name?: string | undefined; readonly suffice?: (claims: Claims) => boolean } = {},
): Contact {
  const { dataDir, network } = pool;
  makeFolder(folderOf(dataDir));
  return withLock(`${folderOf(dataDir)}/.${network}.lock`, () => {
    const suffices = (text: string | undefined, claims: Claims) => text !== seen && (wish.suffice?.(claims) ?? true);
    const before = inStore(pool, (store) => prepare(pool, store, need, suffices, wish.name));
    if (before === undefined) return { full: undefined, nameIsAt: undefined, failure: undefined };
    const { kept, names, request } = before;
    let answer = askStore<ExchangeReply>(pool.folders, request);
    const unclaimed = isFailure(answer) ? [] : unclaimedOf(names.unnamed, answer, request);
    // Claims were taken from this node, and containers hold what was in them: perhaps nobody has claimed it since.
    if (!isFailure(answer) && unclaimed.length > 0) {
      const known = [...answer.blocks, ...answer.addresses];
      const again = {
        ...request,
        known,
        renew: [],
        giveBack: [],
        adopt: unclaimed,
        wanted: { addresses: [] },
        names: pool.isSticky
          ? { known: answer.names.map(({ name }) => name), held: names.here.held, idle: [], wanted: undefined }
          : undefined,
      };
      const second = askStore<ExchangeReply>(pool.folders, again);
      if (isFailure(second)) answer = second;
      else {
        const { full, nameIsAt } = answer;
        answer = { ...second, full, nameIsAt, conflicts: [...answer.conflicts, ...second.conflicts] };
      }
    }
    if (!isFailure(answer)) {
      const reply = answer;
      inStore(pool, (store) => {
        const meanwhile = readClaims(claimsText(dataDir, network))?.names ?? {};
        writeClaims(dataDir, network, claimsOf(store, reply, kept, namesAtHand(reply.names, wish.name, meanwhile)));
        store.dropKept(names.kept);
      });
      report(pool, reply, need);
      const full = need.kind === "block" ? reply.full : undefined;
      return { full, nameIsAt: reply.nameIsAt, failure: undefined };
    }
    const failure = { since: kept?.failure?.since ?? new Date().toISOString(), message: answer.message };
    // What was struck is this node's again when the store is reached: it says so then.
    if (kept !== undefined) inStore(pool, () => writeClaims(dataDir, network, { ...kept, failure }));
    if (answer.failure === "refused")
      throw new PluginError(ErrorCode.invalidConfiguration, answer.message, "/ipam/cluster");
    return { full: undefined, nameIsAt: undefined, failure };
  });
}

/**
 * Tells the store what this node has done with its claims, and learns what has become of them.
 * @param suffice whether claims that another process has got meanwhile show that it has told it
 * @throws as {@link contactStore}
 */
export function tellStore(pool: ClusterPool, suffice?: (claims: Claims) => boolean): Contact {
  const seen = inStore(pool, () => claimsText(pool.dataDir, pool.network));
  // The agent does so all the time, and claims ahead: no ADD waits for the API then.
  const subnets = pool.cluster.store.type === "kubernetes" ? pool.subnets : [];
  return contactStore(pool, { kind: "spare", subnets }, seen, suffice && { suffice });
}

interface Prepared {
  /** The claims that go on meanwhile. */
  readonly kept: Claims | undefined;
  /** What the addresses of the pool that are reserved on this node are reserved for. */
  readonly names: NamesInStore;
  readonly request: ExchangeRequest;
}

/**
 * @param suffices whether another process has asked the store meanwhile, and that will do
 * @returns undefined where it does
 */
function prepare(
  pool: ClusterPool,
  store: Store,
  need: Need,
  suffices: (text: string | undefined, claims: Claims) => boolean,
  wantedName: string | undefined,
): Prepared | undefined {
  const { dataDir, network, cluster, subnets } = pool;
  const text = claimsText(dataDir, network);
  const claims = readClaims(text);
  const isAsked = areGood(claims, { ...cluster, trustAfterBoot: false }, store.boot);
  if (isAsked && claims.failure === undefined && suffices(text, claims)) return undefined;
  const present = areOf(claims, cluster) ? claims : undefined;
  // What an earlier boot left is nobody's, and claims nothing.
  store.scan(true);
  const isOfPool = (address: Address) => subnets.some(({ subnet }) => contains(subnet, address));
  const held = store
    .names()
    .flatMap((name) => parseAddress(name) ?? [])
    .filter(isOfPool);
  const wanted = need.kind === "addresses" ? need.addresses : [];
  const names = pool.isSticky ? namesIn(store, held, present?.names ?? {}, wantedName) : unnamed(held);
  const goes = names.here.idle.filter(({ name }) => present !== undefined && atHand(present, name) !== undefined);
  const strike = present && strikeUnused(present, held, wanted, now());
  const kept = strike && { ...strike.kept, names: without(strike.kept.names, goes) };
  if (kept !== undefined && (strike?.struck.length ?? 0) + goes.length > 0) writeClaims(dataDir, network, kept);
  const adopt = names.unnamed.filter((address) => kept === undefined || !covers(kept, address));
  const known = [...(kept?.blocks ?? []).map(formatPrefix), ...(kept?.addresses ?? []).map(formatAddress)];
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
    held: Object.fromEntries((kept?.blocks ?? []).map((block) => [formatPrefix(block), countIn(block, held)])),
    // Of claims that are trusted addresses are given meanwhile: they may not be missing in the store for a moment.
    renew: isAsked || cluster.trustAfterBoot ? [] : known.filter((text) => !isHeldIn(text, held)),
    giveBack: strike?.struck ?? [],
    adopt: adopt.map(formatAddress),
    names: pool.isSticky ? { ...names.here, wanted: wantedName } : undefined,
    wanted: wantedOf(need, kept?.blocks ?? [], held),
  };
  return { kept, names, request };
}

function unnamed(held: readonly Address[]): NamesInStore {
  return { here: { known: [], held: [], idle: [] }, unnamed: held, kept: [] };
}

function without(names: Claims["names"], gone: readonly NamedAddresses[]): Claims["names"] {
  return Object.fromEntries(Object.entries(names).filter(([name]) => gone.every((one) => one.name !== name)));
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
  if (need.kind === "name") return { addresses: [] };
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

function claimsOf(store: Store, reply: ExchangeReply, kept: Claims | undefined, names: Claims["names"]): Claims {
  const addresses = (texts: readonly string[]): Address[] => texts.flatMap((text) => parseAddress(text) ?? []);
  return {
    node: reply.node,
    boot: store.boot,
    blocks: prefixesOf(reply.blocks),
    addresses: addresses(reply.addresses),
    except: addresses(reply.except).filter((address) => !isOfName(names, address)),
    names,
    emptySince: kept?.emptySince ?? {},
    failure: undefined,
  };
}

function isOfName(names: Claims["names"], address: Address): boolean {
  return Object.values(names).some((name) => name.addresses.some((one) => sameAddress(one, address)));
}

function report({ network, warn }: ClusterPool, { conflicts }: ExchangeReply, need: Need): void {
  const isWanted = (text: string) =>
    need.kind === "addresses" && need.addresses.some((one) => formatAddress(one) === text);
  for (const { address, node, name, block } of conflicts) {
    const alone = name === undefined ? `the node ${node} has claimed it` : `it stays with the name ${name}`;
    const whose = block === undefined ? alone : `it lies in ${block}, a block of the node ${node}`;
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
