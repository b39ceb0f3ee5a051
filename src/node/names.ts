import type { Conflict, ExchangeReply, ForgetRequest, NamesHere, ReleaseReply } from "../cluster/protocol.ts";
import { type Address, formatAddress } from "../ip/address.ts";
import { type ClaimStore, type Entry, Refused } from "./claim-store.ts";
import { NameClaims } from "./name-claims.ts";
import type { NodeClaims, NodesRequest } from "./node-claims.ts";
import { addressKey, claimText, idleNameText, isIdle, nameKey, nameOfKey, namesOf, readClaim } from "./records.ts";
import { addressOf } from "./texts.ts";

/*
 * Addresses that follow a name: that of a pod of a StatefulSet, say. Rules by which each of them has one holder still:
 *
 *  - A name is one node's from the creation of its record to its removal; nobody but that node gives the name's addresses, and changes
 *    which they are. When its last container has gone, the node strikes the name from its own list, and makes the record idle then.
 *    A record that is found as the node's own, and of which the node does not know, is made anew, or idle: see exchange.ts.
 *  - An address of the name's is claimed by the name, which to nodes is another's claim: they leave the address out of their blocks.
 *  - Such a claim holds when it was confirmed, by an entry that tells its identity, and that is made when the claim is known to be
 *    there and not to lie in another node's block. One that a member of the store makes when the node has long given it up is not.
 */

/** Without a container a name keeps its addresses for so long, in milliseconds: a week. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

type Settled = Pick<ExchangeReply, "names" | "nameIsAt" | "conflicts">;

/** Tells the store which names are on the node and which have gone, and takes the one that is wanted. */
export async function settleNames(store: ClaimStore, request: NodesRequest, own: NodeClaims): Promise<Settled> {
  if (request.names === undefined) return { names: [], nameIsAt: undefined, conflicts: [] };
  return await new Names(store, request, request.names, own).settle();
}

class Names {
  readonly #store: ClaimStore;
  readonly #pool: string;
  readonly #here: NamesHere;
  readonly #own: NodeClaims;
  readonly #known: ReadonlySet<string>;
  /** Names that this node has now. */
  readonly #locked = new Set<string>();
  readonly #conflicts: Conflict[] = [];

  constructor(store: ClaimStore, { pool }: NodesRequest, here: NamesHere, own: NodeClaims) {
    this.#store = store;
    this.#pool = pool;
    this.#here = here;
    this.#own = own;
    this.#known = new Set(here.known);
  }

  async settle(): Promise<Settled> {
    const { held, idle, wanted } = this.#here;
    const records = new Map(
      (await this.#store.list(namesOf(this.#pool))).map((entry) => [nameOfKey(this.#pool, entry.key), entry]),
    );
    for (const [name, entry] of records) {
      if (this.#known.has(name) && this.#own.isOwn(readClaim(entry))) this.#locked.add(name);
    }
    let nameIsAt: string | undefined;
    for (const { name, addresses } of held) {
      const other = await this.#lock(name);
      for (const address of other === undefined ? [] : addresses)
        this.#conflicts.push({ address, node: other as string, name, block: undefined });
    }
    if (wanted !== undefined) nameIsAt = await this.#lock(wanted);
    // Behind the locks: until then others could have changed what the names have.
    const claims = await NameClaims.read(this.#store, this.#pool);
    for (const { name, addresses } of held) {
      if (this.#locked.has(name)) for (const text of addresses) await this.#claim(claims, name, addressOf(text));
    }
    for (const { name, addresses } of idle) {
      if ((await this.#lock(name)) !== undefined) continue;
      for (const text of addresses) await this.#claim(claims, name, addressOf(text));
      await this.#letGo(name);
    }
    const isForgotten = (name: string, entry: Entry) =>
      this.#own.isOwn(readClaim(entry)) && !this.#locked.has(name) && idle.every((one) => one.name !== name);
    for (const [name, entry] of records) if (isForgotten(name, entry)) await this.#letGo(name);
    await this.#tidy(claims, records);
    const names = [...this.#locked].map((name) => ({ name, addresses: claims.of(name).map(formatAddress) }));
    return { names, nameIsAt, conflicts: this.#conflicts };
  }

  /** Takes a name for this node. @returns the node that has it */
  async #lock(name: string): Promise<string | undefined> {
    if (this.#locked.has(name)) return undefined;
    const key = nameKey(this.#pool, name);
    for (;;) {
      const there = await this.#store.create(key, this.#own.text());
      if (there !== undefined && !isIdle(there)) {
        const claim = readClaim(there);
        if (!this.#own.isOwn(claim)) return claim.node;
        if (!this.#known.has(name)) {
          await this.#store.remove(there);
          continue;
        }
      } else if (there !== undefined) {
        await this.#store.remove(there);
        continue;
      }
      this.#locked.add(name);
      return undefined;
    }
  }

  /** A name of this node's, or nobody's, is on no node any more. */
  async #letGo(name: string): Promise<void> {
    this.#locked.delete(name);
    const key = nameKey(this.#pool, name);
    const there = await this.#store.get(key);
    if (there !== undefined) {
      if (isIdle(there) || !this.#own.isOwn(readClaim(there)) || !(await this.#store.remove(there))) return;
    }
    await this.#store.create(key, idleNameText());
  }

  /** Has the address claimed by the name, which this node has. */
  async #claim(claims: NameClaims, name: string, address: Address): Promise<void> {
    if (claims.has(name, address)) return;
    // The node's own claim, where the container asked for the address, goes over to the name when the container has gone.
    const isIdleHere = this.#here.idle.some((one) => one.name === name);
    const there = await this.#store.get(addressKey(this.#pool, address));
    if (there !== undefined) {
      const claim = readClaim(there);
      if (claim.name !== name && !this.#own.isOwn(claim)) {
        this.#conflicts.push({ address: formatAddress(address), node: claim.node, name: claim.name, block: undefined });
        return;
      }
      if (claim.name !== name && !isIdleHere) return;
      await this.#store.remove(there);
    }
    const made = await claims.make(name, address);
    if (made === undefined) return;
    const owner = await this.#own.ownerAround(address);
    if (owner === undefined) return await claims.confirm(name, address, made);
    await claims.remove(address);
    this.#conflicts.push({ address: formatAddress(address), ...owner });
  }

  /** Ends what names have had no use for in a long time, and what a node that was killed has not finished. */
  async #tidy(claims: NameClaims, records: ReadonlyMap<string, Entry>): Promise<void> {
    const isOld = (entry: Entry) => Date.now() - Date.parse(readClaim(entry).since) > KEPT_MS;
    for (const [name, entry] of records) {
      if (!isIdle(entry) || !isOld(entry) || this.#locked.has(name)) continue;
      if ((await this.#lock(name)) !== undefined) continue;
      await endName(this.#store, this.#pool, name);
      this.#locked.delete(name);
    }
    for (const name of claims.names()) {
      const there = records.get(name);
      if (this.#locked.has(name) || (there !== undefined && (!isIdle(there) || claims.unconfirmed(name).length === 0)))
        continue;
      if ((await this.#lock(name)) !== undefined) continue;
      // As it is now: the node that has had the name meanwhile may have finished it.
      const now = await NameClaims.read(this.#store, this.#pool);
      for (const address of now.unconfirmed(name)) await now.remove(address);
      await this.#letGo(name);
    }
    await claims.removeStale();
  }
}

/** Removes a name and its addresses. Whoever calls it has the name. */
async function endName(store: ClaimStore, pool: string, name: string): Promise<Address[]> {
  const claims = await NameClaims.read(store, pool);
  const addresses = [...claims.of(name), ...claims.unconfirmed(name)];
  for (const address of addresses) await claims.remove(address);
  const there = await store.get(nameKey(pool, name));
  if (there !== undefined) await store.remove(there);
  return addresses;
}

/** Ends what stays with a name. @throws Refused where its container is on a node */
export async function forget(store: ClaimStore, { pool, name }: ForgetRequest): Promise<ReleaseReply> {
  const key = nameKey(pool, name);
  for (;;) {
    const there = await store.create(key, claimText("ipvlan cluster forget", ""));
    if (there === undefined) return { released: (await endName(store, pool, name)).map(formatAddress) };
    if (!isIdle(there)) {
      const { node, since } = readClaim(there);
      throw new Refused(
        `the name ${name} is on the node ${node} since ${since}: end its container, or where that node is gone for ever, ` +
          `ipvlan cluster release ${node}`,
      );
    }
    await store.remove(there);
  }
}

/** The names that a node has go to whoever asks first, with their addresses. @returns them */
export async function releaseNames(store: ClaimStore, pool: string, node: string): Promise<string[]> {
  const released: string[] = [];
  for (const entry of await store.list(namesOf(pool))) {
    if (isIdle(entry) || readClaim(entry).node !== node || !(await store.remove(entry))) continue;
    await store.create(entry.key, idleNameText());
    released.push(nameOfKey(pool, entry.key));
  }
  return released;
}
