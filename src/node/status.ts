import type { StatusReply, StatusRequest, StickyName } from "../cluster/protocol.ts";
import { formatAddress, formatPrefix } from "../ip/address.ts";
import type { ClaimStore } from "./claim-store.ts";
import { NameClaims } from "./name-claims.ts";
import {
  addressesOf,
  addressOfKey,
  allNodes,
  blockOfKey,
  blocksOf,
  isIdle,
  nameOfKey,
  namesOf,
  poolKey,
  readBlockSize,
  readClaim,
} from "./records.ts";
import { seenAt } from "./seen.ts";

/** All that the store has of a pool. */
export async function status(store: ClaimStore, { pool }: StatusRequest): Promise<StatusReply> {
  const described = await store.get(poolKey(pool));
  const blocks = (await store.list(blocksOf(pool))).flatMap((entry) => {
    const block = blockOfKey(pool, entry.key);
    return block === undefined ? [] : [{ block: formatPrefix(block), ...readClaim(entry) }];
  });
  const addresses = (await store.list(addressesOf(pool))).flatMap((entry) => {
    const address = addressOfKey(pool, entry.key);
    const claim = readClaim(entry);
    return address === undefined || claim.name !== undefined ? [] : [{ address: formatAddress(address), ...claim }];
  });
  const records = await store.list(allNodes);
  const nodes = new Map(records.map((entry) => [entry.key.split("/")[1] as string, readClaim(entry).machine]));
  return {
    blockSize: described === undefined ? undefined : readBlockSize(described),
    blocks,
    addresses,
    names: await stickyNames(store, pool),
    nodes: [...nodes].map(([node, machine]) => ({
      node,
      machine,
      seen: seenAt(node, records)?.toISOString() ?? "",
    })),
  };
}

async function stickyNames(store: ClaimStore, pool: string): Promise<StickyName[]> {
  const claims = await NameClaims.read(store, pool);
  return (await store.list(namesOf(pool))).map((entry) => {
    const name = nameOfKey(pool, entry.key);
    const { node, since } = readClaim(entry);
    return { name, node: isIdle(entry) ? undefined : node, since, addresses: claims.of(name).map(formatAddress) };
  });
}
