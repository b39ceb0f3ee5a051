import type { BlockSize, Conflict, ExchangeReply } from "../cluster/protocol.ts";
import { type ClaimStore, Refused } from "./claim-store.ts";
import { settleNames } from "./names.ts";
import { NodeClaims, type NodesRequest } from "./node-claims.ts";
import { blockKey, poolKey, readBlockSize } from "./records.ts";
import { noteSeen } from "./seen.ts";
import { addressOf, prefixOf } from "./texts.ts";

/*
 * Rules by which an address has one holder, whatever two nodes do at once and whoever is killed in between:
 *
 *  - A block is one node's from its creation to its removal, and nobody but that node gives addresses out of it.
 *  - An address claimed alone is its node's, also in a block that another node claims later. Who claims a block lists the claimed
 *    addresses afterwards, and leaves those of others out. Who claims an address looks whose block it lies in afterwards, and gives it
 *    up where that is another's. One of two that do so at once sees the other's claim; both may.
 *  - What a node gives back it has struck from its own list before. What it finds in the store as its own and not on its list, since it
 *    was killed in between, it removes: the removal that it asked for before may still be on its way, and takes effect whenever a member
 *    of the store goes on that was stopped. For the same reason a node that was off makes its claims anew: a removal names what it
 *    removes by its version. Not one that trusts its claims after a boot, since it gives addresses of them all the time.
 *  - An address that stays with a name is claimed alone, too, but by the name. Who has the name has it: see names.ts.
 */

/** Carries a request out. @throws Refused, Unreachable */
export async function exchange(store: ClaimStore, request: NodesRequest): Promise<ExchangeReply> {
  const { pool, node, machine, blockSize, wanted } = request;
  await agreeOnBlocks(store, pool, blockSize);
  await noteSeen(store, node, machine);
  const own = new NodeClaims(store, request);
  for (const claim of request.giveBack) await own.giveBack(claim);
  for (const claim of request.renew) await own.renew(claim);
  const conflicts: Conflict[] = [];
  for (const text of request.adopt) conflicts.push(...(await own.adopt(text)));
  let full: Record<string, number> | undefined;
  await own.look();
  if ("addresses" in wanted) {
    for (const text of wanted.addresses) conflicts.push(...(await own.claimAddress(addressOf(text))));
  } else {
    for (const family of [4, 6] as const) {
      const ranges = wanted.ranges.filter(({ first }) => addressOf(first).family === family);
      if (ranges.length === 0 || (wanted.ifNone && own.hasBlockIn(ranges))) continue;
      if ((await own.claimBlock(ranges)) === undefined) full = own.blocksByNode(ranges);
    }
  }
  const settled = await settleNames(store, request, own);
  conflicts.push(...settled.conflicts);
  const all = await own.all();
  for (const block of all.blocks) await store.noteUse?.(blockKey(pool, prefixOf(block)), request.held[block] ?? 0);
  const { names, nameIsAt } = settled;
  return { node, ...all, names, nameIsAt, full, conflicts };
}

async function agreeOnBlocks(store: ClaimStore, pool: string, blockSize: BlockSize): Promise<void> {
  // Asked for first: it is there but for the first time, and to find that out by making it costs a second request in Kubernetes.
  const key = poolKey(pool);
  const there = (await store.get(key)) ?? (await store.create(key, JSON.stringify({ blockSize })));
  if (there === undefined) return;
  const agreed = readBlockSize(there);
  if (agreed?.ipv4 === blockSize.ipv4 && agreed.ipv6 === blockSize.ipv6) return;
  const size = agreed === undefined ? "what is no size" : `/${agreed.ipv4} and /${agreed.ipv6}`;
  throw new Refused(
    `the pool ${pool} has blocks of ${size} in the store, and here of /${blockSize.ipv4} and /${blockSize.ipv6}: ` +
      "all nodes must have the same ipam.cluster.blockSize",
  );
}
