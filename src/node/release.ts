import type { ReleaseReply, ReleaseRequest } from "../cluster/protocol.ts";
import { formatAddress, formatPrefix } from "../ip/address.ts";
import { type ClaimStore, Refused } from "./claim-store.ts";
import { releaseNames } from "./names.ts";
import { addressesOf, addressOfKey, blockOfKey, blocksOf, nodesOf, readClaim } from "./records.ts";
import { isFresh, seenAt } from "./seen.ts";

/** Takes a node's claims from it. @throws Refused where it may well be running, and that is not accepted */
export async function release(store: ClaimStore, { pool, node, force }: ReleaseRequest): Promise<ReleaseReply> {
  const records = await store.list(nodesOf(node));
  const seen = seenAt(node, records);
  if (isFresh(seen) && !force) {
    throw new Refused(
      `the node ${node} spoke with the store at ${seen?.toISOString()} or up to ten minutes later, and may well be running: its ` +
        "addresses would be given to others while its containers have them. Make sure that it is off, then --force",
    );
  }
  const released: string[] = [];
  for (const [prefix, read] of [
    [blocksOf(pool), (key: string) => formatOr(key, blockOfKey(pool, key), formatPrefix)],
    [addressesOf(pool), (key: string) => formatOr(key, addressOfKey(pool, key), formatAddress)],
  ] as const) {
    for (const entry of await store.list(prefix)) {
      if (readClaim(entry).node !== node) continue;
      if (await store.remove(entry)) released.push(read(entry.key));
    }
  }
  const names = await releaseNames(store, pool, node);
  released.push(...names.map((name) => `the name ${name}`));
  for (const entry of records) await store.remove(entry);
  return { released };
}

function formatOr<T>(key: string, value: T | undefined, format: (value: T) => string): string {
  return value === undefined ? key : format(value);
}
