import { type ClaimStore, type Entry, Refused } from "./claim-store.ts";
import { nodesOf, readClaim } from "./records.ts";

/** A node's word that it is there holds for so long, in milliseconds: one write in this time, however often it speaks. */
const SLOT_MS = 600_000;

/** Notes that the node is there. @throws Refused where another machine has its name */
export async function noteSeen(store: ClaimStore, node: string, machine: string): Promise<void> {
  const now = new Date(Math.floor(Date.now() / SLOT_MS) * SLOT_MS).toISOString();
  const key = `${nodesOf(node)}${now}`;
  const there = (await store.get(key)) ?? (await store.create(key, JSON.stringify({ machine })));
  if (there !== undefined) {
    if (readClaim(there).machine !== machine) throw anotherMachine(node);
    return;
  }
  const all = await store.list(nodesOf(node));
  const isOthers = (entry: Entry) => readClaim(entry).machine !== machine;
  if (all.some(isOthers)) {
    const own = all.find((entry) => entry.key === key && !isOthers(entry));
    if (own !== undefined) await store.remove(own);
    throw anotherMachine(node);
  }
  for (const entry of all) if (entry.key !== key) await store.remove(entry);
}

function anotherMachine(node: string): Refused {
  return new Refused(
    `another machine is the node ${node} in the store: give this one another name in ipam.cluster.node, or where that ` +
      `machine is gone for ever, ipvlan cluster release ${node}`,
  );
}

/** When the node last spoke with the store; undefined where it is not known. */
export function seenAt(node: string, entries: readonly Entry[]): Date | undefined {
  const times = entries
    .filter(({ key }) => key.startsWith(nodesOf(node)))
    .map(({ key }) => Date.parse(key.slice(nodesOf(node).length)))
    .filter((time) => !Number.isNaN(time));
  return times.length === 0 ? undefined : new Date(Math.max(...times));
}

/** Whether it may well be running: it was seen in this slot of time or the one before. */
export function isFresh(seen: Date | undefined): boolean {
  return seen !== undefined && Date.now() - seen.getTime() < 2 * SLOT_MS;
}
