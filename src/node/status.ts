import type { StatusReply, StatusRequest } from "../cluster/protocol.ts";
import { formatAddress, formatPrefix } from "../ip/address.ts";
import type { ClaimStore } from "./claim-store.ts";
import {
  addressesOf,
  addressOfKey,
  allNodes,
  blockOfKey,
  blocksOf,
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
    return address === undefined ? [] : [{ address: formatAddress(address), ...readClaim(entry) }];
  });
  const records = await store.list(allNodes);
  const nodes = new Map(records.map((entry) => [entry.key.split("/")[1] as string, readClaim(entry).machine]));
  return {
    blockSize: described === undefined ? undefined : readBlockSize(described),
    blocks,
    addresses,
    nodes: [...nodes].map(([node, machine]) => ({
      node,
      machine,
      seen: seenAt(node, records)?.toISOString() ?? "",
    })),
  };
}
