import { type Address, contains, formatAddress, formatPrefix, parseAddress } from "../../ip/address.ts";
import { type Claims, claimsText, covers, readClaims, spansWithin } from "../../ipam/cluster/claims.ts";
import type { ClusterPool } from "../../ipam/cluster/contact.ts";
import { keptName } from "../../ipam/kept.ts";
import { capacity } from "../../ipam/span.ts";
import { withStore } from "../../ipam/store.ts";

/** What this node makes of its claims. */
export interface LocalUse {
  /** By which its claims are known; undefined where that was never said. */
  readonly node: string | undefined;
  readonly held: number;
  /** Addresses that it can give from its blocks. */
  readonly capacity: bigint;
  /** How many are held in each block, by the block's text. */
  readonly heldIn: ReadonlyMap<string, number>;
  /** Addresses that containers hold and that are in none of the node's claims. */
  readonly strange: readonly string[];
  readonly blocks: number;
  /** Since when the store is not reached, ISO 8601, and why. */
  readonly unreachedSince: string | undefined;
  readonly failure: string | undefined;
}

const nobody = { containerId: "", ifname: "" };

const none: LocalUse = {
  node: undefined,
  held: 0,
  capacity: 0n,
  heldIn: new Map(),
  strange: [],
  blocks: 0,
  unreachedSince: undefined,
  failure: undefined,
};

export function localUse({
  dataDir,
  network,
  subnets,
  cluster,
}: Pick<ClusterPool, "dataDir" | "network" | "subnets" | "cluster">): LocalUse {
  const read = withStore(dataDir, network, false, (store) => ({
    claims: readClaims(claimsText(dataDir, network)),
    held: store.names().flatMap((name) => parseAddress(name) ?? []),
    isKept: (address: Address) => keptName(store.holderOf(formatAddress(address)) ?? nobody) !== undefined,
  }));
  if (read?.claims === undefined) return { ...none, node: cluster.node };
  const claims: Claims = read.claims;
  const held = read.held.filter((address) => subnets.some(({ subnet }) => contains(subnet, address)));
  const size = subnets.reduce((sum, subnet) => {
    const never = [subnet.gateway ?? [], subnet.excluded, claims.except].flat();
    const spans = spansWithin(claims, subnet);
    return sum + (spans.length === 0 ? 0n : capacity(spans, never));
  }, 0n);
  return {
    node: claims.node,
    held: held.length,
    capacity: size,
    heldIn: new Map(
      claims.blocks.map((block) => [formatPrefix(block), held.filter((address) => contains(block, address)).length]),
    ),
    // What is kept for a name is no container's.
    strange: held.filter((address) => !covers(claims, address) && !read.isKept(address)).map(formatAddress),
    blocks: claims.blocks.length,
    unreachedSince: claims.failure?.since,
    failure: claims.failure?.message,
  };
}
