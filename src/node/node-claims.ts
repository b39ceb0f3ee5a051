import type { Claim, Conflict, ExchangeReply, ExchangeRequest, WantedRange } from "../cluster/protocol.ts";
import { type Address, contains, formatAddress, formatPrefix, type Prefix } from "../ip/address.ts";
import type { ClaimStore, Entry } from "./claim-store.ts";
import { freeBlocks } from "./free-blocks.ts";
import {
  addressesOf,
  addressKey,
  addressOfKey,
  blockAround,
  blockKey,
  blockOfKey,
  blocksOf,
  claimText,
  readClaim,
} from "./records.ts";
import { addressOf, prefixOf } from "./texts.ts";

/** A request of which the node is known. */
export type NodesRequest = ExchangeRequest & { readonly node: string };

/** A node's claims in a pool. */
export class NodeClaims {
  readonly #store: ClaimStore;
  readonly #request: NodesRequest;
  readonly #subnets: readonly Prefix[];
  /** Keys of the claims that the node knows of, or has made now. */
  readonly #known: Set<string>;
  /** Whose the pool's blocks are, by key: as they were at {@link look}, and what was seen since. */
  readonly #blocks = new Map<string, Claim>();

  constructor(store: ClaimStore, request: NodesRequest) {
    this.#store = store;
    this.#request = request;
    this.#subnets = request.subnets.map(prefixOf);
    this.#known = new Set(request.known.map((text) => this.#keyOf(text)));
  }

  isOwn(claim: Claim): boolean {
    return claim.node === this.#request.node && claim.machine === this.#request.machine;
  }

  /** The content of a new claim. */
  text(): string {
    return claimText(this.#request.node, this.#request.machine);
  }

  #blockAround(address: Address): Prefix {
    const subnet = this.#subnets.find((one) => contains(one, address));
    return blockAround(address, subnet, this.#request.blockSize);
  }

  #keyOf(text: string): string {
    const { pool } = this.#request;
    return text.includes("/") ? blockKey(pool, prefixOf(text)) : addressKey(pool, addressOf(text));
  }

  /** @returns the claim of another node, if one has it */
  async #take(key: string): Promise<{ isNew: boolean; other: Claim | undefined }> {
    const text = this.text();
    const there = await this.#store.create(key, text);
    const claim = there === undefined ? undefined : readClaim(there);
    const other = claim === undefined || this.isOwn(claim) ? undefined : claim;
    if (other === undefined) this.#known.add(key);
    if (key.startsWith(blocksOf(this.#request.pool))) this.#blocks.set(key, claim ?? readClaim({ value: text }));
    return { isNew: there === undefined, other };
  }

  /** Removes what is this node's under the key, if anything. */
  async #drop(key: string): Promise<void> {
    this.#known.delete(key);
    this.#blocks.delete(key);
    for (;;) {
      const there = await this.#store.get(key);
      if (there === undefined || !this.isOwn(readClaim(there)) || (await this.#store.remove(there))) return;
    }
  }

  giveBack(text: string): Promise<void> {
    return this.#drop(this.#keyOf(text));
  }

  /** Where another node is faster, the claim is lost. */
  async renew(text: string): Promise<void> {
    const key = this.#keyOf(text);
    const there = await this.#store.get(key);
    const isOwn = there !== undefined && this.isOwn(readClaim(there));
    this.#known.delete(key);
    if (isOwn && (await this.#store.remove(there))) await this.#take(key);
  }

  /** Claims the block of an address that is held here already. @returns who else has it */
  async adopt(text: string): Promise<Conflict[]> {
    const { pool } = this.#request;
    const address = addressOf(text);
    const block = this.#blockAround(address);
    const { other } = await this.#take(blockKey(pool, block));
    // Behind the claim: see above.
    const there = await this.#store.get(addressKey(pool, address));
    const alone = there === undefined ? undefined : readClaim(there);
    if (alone !== undefined && this.isOwn(alone)) return [];
    if (alone !== undefined) return [{ address: text, node: alone.node, name: alone.name, block: undefined }];
    return other === undefined ? [] : [{ address: text, node: other.node, block: formatPrefix(block) }];
  }

  /** @returns who else has it */
  async claimAddress(address: Address): Promise<Conflict[]> {
    const { pool } = this.#request;
    const key = addressKey(pool, address);
    // A claim that this node does not know of was perhaps never compared with the blocks.
    if (!this.#known.has(key)) await this.#drop(key);
    const { isNew, other } = await this.#take(key);
    const text = formatAddress(address);
    if (other !== undefined) return [{ address: text, node: other.node, name: other.name, block: undefined }];
    const owner = isNew ? await this.ownerAround(address) : undefined;
    if (owner === undefined) return [];
    await this.#drop(key);
    return [{ address: text, ...owner }];
  }

  /** The other node whose block the address lies in, if it lies in one. */
  async ownerAround(address: Address): Promise<{ node: string; block: string } | undefined> {
    const block = this.#blockAround(address);
    const there = await this.#store.get(blockKey(this.#request.pool, block));
    const claim = there === undefined ? undefined : readClaim(there);
    return claim === undefined || this.isOwn(claim) ? undefined : { node: claim.node, block: formatPrefix(block) };
  }

  /** Reads whose the pool's blocks are: there may be tens of thousands, so once. */
  async look(): Promise<void> {
    const entries = await this.#store.list(blocksOf(this.#request.pool));
    this.#blocks.clear();
    for (const entry of entries) this.#blocks.set(entry.key, readClaim(entry));
  }

  /** The blocks in these ranges' subnets, and whose they are. */
  #blocksIn(ranges: readonly WantedRange[]): Claim[] {
    const subnets = ranges.map(({ subnet }) => prefixOf(subnet));
    return [...this.#blocks].flatMap(([key, claim]) => {
      const block = blockOfKey(this.#request.pool, key);
      return block !== undefined && subnets.some((subnet) => contains(subnet, block.address)) ? [claim] : [];
    });
  }

  hasBlockIn(ranges: readonly WantedRange[]): boolean {
    return this.#blocksIn(ranges).some((claim) => this.isOwn(claim));
  }

  /** How many of the ranges' blocks each node has. */
  blocksByNode(ranges: readonly WantedRange[]): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { node } of this.#blocksIn(ranges)) counts[node] = (counts[node] ?? 0) + 1;
    return counts;
  }

  /** @returns undefined where all blocks of the ranges are claimed */
  async claimBlock(ranges: readonly WantedRange[]): Promise<Prefix | undefined> {
    const { pool } = this.#request;
    for (const range of ranges) {
      const [first, last] = [addressOf(range.first), addressOf(range.last)];
      const { length } = blockAround(first, prefixOf(range.subnet), this.#request.blockSize);
      for (;;) {
        const free = freeBlocks({ first, last }, length, (block) => this.#blocks.has(blockKey(pool, block)));
        const block = free[Math.floor(Math.random() * free.length)];
        if (block === undefined) break;
        if ((await this.#take(blockKey(pool, block))).isNew) return block;
      }
    }
    return undefined;
  }

  /** All that is this node's in the store, and what is another's within its blocks. */
  async all(): Promise<Pick<ExchangeReply, "blocks" | "addresses" | "except">> {
    const { pool } = this.#request;
    const isOwn = (entry: Entry) => this.isOwn(readClaim(entry));
    const blocks: Prefix[] = [];
    for (const [key, claim] of [...this.#blocks]) {
      if (!this.isOwn(claim)) continue;
      const block = blockOfKey(pool, key);
      if (!this.#known.has(key)) await this.#drop(key);
      else if (block !== undefined) blocks.push(block);
    }
    // Behind the blocks' creation: see above.
    const addresses: string[] = [];
    const except: string[] = [];
    for (const entry of await this.#store.list(addressesOf(pool))) {
      const address = addressOfKey(pool, entry.key);
      if (address === undefined) continue;
      if (!isOwn(entry)) {
        if (blocks.some((block) => contains(block, address))) except.push(formatAddress(address));
      } else if (this.#known.has(entry.key)) addresses.push(formatAddress(address));
      else await this.#drop(entry.key);
    }
    return { blocks: blocks.map(formatPrefix), addresses, except };
  }
}
