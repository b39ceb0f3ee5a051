import type { Subnet } from "../../config/network-config.ts";
import { ErrorCode, PluginError } from "../../errors.ts";
import { type Address, type Family, formatPrefix } from "../../ip/address.ts";
import { PoolIsFull } from "../exhausted.ts";
import { type Store, withStore } from "../store.ts";
import { areGood, type Claims, claimsText, covers, readClaims } from "./claims.ts";
import { type ClusterPool, type Contact, contactStore, type Need } from "./contact.ts";

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
 * @param reserve reserves by these claims. @throws BlocksAreFull
 */
export function allocateInCluster<T>(
  pool: ClusterPool,
  requested: readonly Address[],
  reserve: (store: Store, claims: Claims) => T,
): T {
  const { dataDir, network } = pool;
  for (let attempt = 1; ; attempt++) {
    const tried = withStore(dataDir, network, true, (store) => tryOnce(pool, store, requested, reserve)) as Tried<T>;
    if ("result" in tried) return tried.result;
    const contact = contactStore(pool, tried.need, tried.seen);
    if (contact.failure !== undefined || contact.full !== undefined || attempt === attempts) {
      throw shortage(pool, tried, contact);
    }
  }
}

type Tried<T> =
  | { readonly result: T }
  | {
      readonly need: Need;
      readonly seen: string | undefined;
      readonly lack: PluginError | undefined;
      readonly claims: Claims | undefined;
    };

function tryOnce<T>(
  { dataDir, network, cluster, subnets }: ClusterPool,
  store: Store,
  requested: readonly Address[],
  reserve: (store: Store, claims: Claims) => T,
): Tried<T> {
  const seen = claimsText(dataDir, network);
  const claims = readClaims(seen);
  if (!areGood(claims, cluster, store.boot)) {
    const asked = new Set(requested.map(({ family }) => family));
    const unasked = subnets.filter(({ subnet }) => !asked.has(subnet.address.family));
    return { need: { kind: "word", subnets: unasked }, seen, lack: undefined, claims };
  }
  const addresses = requested.filter((address) => !covers(claims, address));
  if (addresses.length > 0) return { need: { kind: "addresses", addresses }, seen, lack: undefined, claims };
  try {
    return { result: reserve(store, claims) };
  } catch (error) {
    if (!(error instanceof BlocksAreFull)) throw error;
    const wanted = subnets.filter(({ subnet }) => subnet.address.family === error.family);
    return { need: { kind: "block", subnets: wanted }, seen, lack: error, claims };
  }
}

/** Why there is no address: for the whole cluster, or for want of the store. */
function shortage(
  { network, cluster }: ClusterPool,
  { need, lack, claims }: Exclude<Tried<never>, { result: never }>,
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
