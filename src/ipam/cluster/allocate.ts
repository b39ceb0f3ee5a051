import type { Subnet } from "../../config/network-config.ts";
import { ErrorCode, PluginError } from "../../errors.ts";
import { type Address, type Family, formatPrefix, type Prefix, sameAddress } from "../../ip/address.ts";
import { PoolIsFull } from "../exhausted.ts";
import { type Store, withStore } from "../store.ts";
import { areGood, type Claims, claimsText, covers, type NameAtHand, readClaims, writeClaims } from "./claims.ts";
import { type ClusterPool, type Contact, contactStore, type Need, tellStore } from "./contact.ts";
import { atHand } from "./names.ts";

/** The blocks at hand have no free address of a family. */
export class BlocksAreFull extends PluginError {
  readonly family: Family;

  constructor(family: Family, { code, message, details }: PluginError) {
    super(code, message, details);
    this.family = family;
  }
}

/** More than that many blocks one container cannot need: of one address each, all of them used by others. */
const attempts = 16;

/**
 * Gives addresses out of the blocks at hand, which needs neither the store nor another process, and asks the store for more only
 * where these have none left.
 *
 * @param requested addresses that are asked for
 * @param name that the addresses follow, as {@link fullName} makes it; undefined where they follow none
 * @param reserve reserves by these claims, for the name if it is here. @throws BlocksAreFull
 */
export function allocateInCluster(
  pool: ClusterPool,
  requested: readonly Address[],
  name: string | undefined,
  reserve: (store: Store, claims: Claims, name: NameAtHand | undefined) => readonly Given[],
): readonly Given[] {
  const { dataDir, network, warn } = pool;
  let wanted = name;
  for (let attempt = 1; ; attempt++) {
    const tried = withStore(dataDir, network, true, (store) =>
      tryOnce(pool, store, requested, wanted, reserve),
    ) as Tried;
    if ("result" in tried) {
      if (tried.isNew) tellOf(pool, wanted as string);
      return tried.result;
    }
    const suffice = (claims: Claims) => wanted === undefined || atHand(claims, wanted) !== undefined;
    const contact = contactStore(pool, tried.need, tried.seen, { name: wanted, suffice });
    if (contact.nameIsAt !== undefined) {
      warn(
        `network ${network}: the addresses of ${wanted} are on the node ${contact.nameIsAt}, which has not said that its container ` +
          "has gone: this one gets others, that do not follow the name",
      );
      wanted = undefined;
    }
    if (contact.failure !== undefined || contact.full !== undefined || attempt === attempts) {
      throw shortage(pool, tried, contact);
    }
  }
}

/** An address, as a container gets it. */
export interface Given {
  readonly address: Prefix;
  readonly gateway: Address | undefined;
}

type Tried =
  | {
      readonly result: readonly Given[];
      /** The store does not know that these are the name's. */
      readonly isNew: boolean;
    }
  | {
      readonly need: Need;
      readonly seen: string | undefined;
      readonly lack: PluginError | undefined;
      readonly claims: Claims | undefined;
    };

function tryOnce(
  { dataDir, network, cluster, subnets }: ClusterPool,
  store: Store,
  requested: readonly Address[],
  name: string | undefined,
  reserve: (store: Store, claims: Claims, name: NameAtHand | undefined) => readonly Given[],
): Tried {
  const seen = claimsText(dataDir, network);
  const claims = readClaims(seen);
  if (!areGood(claims, cluster, store.boot)) {
    const asked = new Set(requested.map(({ family }) => family));
    const unasked = subnets.filter(({ subnet }) => !asked.has(subnet.address.family));
    return { need: { kind: "word", subnets: unasked }, seen, lack: undefined, claims };
  }
  const here = name === undefined ? undefined : atHand(claims, name);
  if (name !== undefined && here === undefined) return { need: { kind: "name" }, seen, lack: undefined, claims };
  const addresses = requested.filter((address) => !covers(claims, address));
  if (addresses.length > 0) return { need: { kind: "addresses", addresses }, seen, lack: undefined, claims };
  try {
    const result = reserve(store, claims, here);
    if (name === undefined || here === undefined) return { result, isNew: false };
    // It is no longer that of a container that has no address yet.
    if (here.takenAt !== undefined) {
      writeClaims(dataDir, network, {
        ...claims,
        names: { ...claims.names, [name]: { ...here, takenAt: undefined } },
      });
    }
    const isKnown = ({ address }: Given) =>
      here.addresses.some((one) => one.family === address.address.family || sameAddress(one, address.address));
    return { result, isNew: !result.every(isKnown) };
  } catch (error) {
    if (!(error instanceof BlocksAreFull)) throw error;
    const wanted = subnets.filter(({ subnet }) => subnet.address.family === error.family);
    return { need: { kind: "block", subnets: wanted }, seen, lack: error, claims };
  }
}

/** Tells the store which addresses a name has got. Where it is not reached it learns of them later: the node has them in any case. */
function tellOf(pool: ClusterPool, name: string): void {
  const { failure } = tellStore(pool, (claims) => atHand(claims, name)?.addresses.length !== 0);
  if (failure === undefined) return;
  pool.warn(
    `network ${pool.network}: that ${name} has its first addresses was not told to the cluster's store: ${failure.message}`,
  );
}

/** Why there is no address: for the whole cluster, or for want of the store. */
function shortage(
  { network, cluster }: ClusterPool,
  { need, lack, claims }: Exclude<Tried, { isNew: boolean }>,
  { full, failure }: Contact,
): PluginError {
  if (failure !== undefined) {
    const away = `the cluster's store is not reached since ${failure.since}: ${failure.message}`;
    if (need.kind === "addresses") {
      return new PluginError(
        ErrorCode.tryAgainLater,
        `network ${network}: an address that is asked for is in no block of this node, and ${away}`,
        "/ipam/cluster",
      );
    }
    if (need.kind === "name") {
      return new PluginError(
        ErrorCode.tryAgainLater,
        `network ${network}: the addresses of this container follow its name, and what they are is not known here: ${away}`,
        "/ipam/sticky",
      );
    }
    if (need.kind === "word") {
      const message =
        `network ${network}: ${away}; since this boot it has not said whether the blocks of ${cluster.node ?? "this node"} are still its ` +
        `own ("trustAfterBoot": true gives addresses from them nevertheless)`;
      return new PluginError(ErrorCode.tryAgainLater, message, "/ipam/cluster");
    }
    const blocks = claims?.blocks.map(formatPrefix).join(", ") || "none";
    return new PoolIsFull(`network ${network}: blocks at hand: ${blocks}; ${lack?.message ?? ""}; and ${away}`);
  }
  const owners = Object.entries(full ?? {}).sort(([, a], [, b]) => b - a);
  const shown = owners
    .slice(0, 5)
    .map(([node, count]) => `${node} ${count}`)
    .join(", ");
  const more = owners.length > 5 ? ` and ${owners.length - 5} more nodes` : "";
  const subnets = need.kind === "block" ? need.subnets.map((one: Subnet) => formatPrefix(one.subnet)).join(", ") : "";
  return new PoolIsFull(
    `network ${network}: every block of ${subnets} is claimed (${shown}${more}); ${lack?.message ?? ""}: end a container, add a ` +
      "subnet, or release a node that is gone (ipvlan cluster release NODE)",
  );
}
