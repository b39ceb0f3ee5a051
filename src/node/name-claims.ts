import { type Address, formatAddress } from "../ip/address.ts";
import type { ClaimStore, Entry } from "./claim-store.ts";
import {
  addressesOf,
  addressKey,
  addressOfKey,
  claimId,
  confirmationKey,
  confirmedBy,
  namesAddressText,
  readClaim,
} from "./records.ts";

interface Found {
  readonly name: string;
  readonly address: Address;
  readonly entry: Entry;
  isConfirmed: boolean;
}

/** The addresses of a pool that names have claimed, as they were read and changed since. */
export class NameClaims {
  readonly #store: ClaimStore;
  readonly #pool: string;
  /** By the address's text. */
  readonly #found = new Map<string, Found>();
  /** Confirmations of claims that are not there. */
  readonly #stale: Entry[] = [];

  private constructor(store: ClaimStore, pool: string) {
    this.#store = store;
    this.#pool = pool;
  }

  static async read(store: ClaimStore, pool: string): Promise<NameClaims> {
    const claims = new NameClaims(store, pool);
    const entries = await store.list(addressesOf(pool));
    for (const entry of entries) {
      const address = addressOfKey(pool, entry.key);
      const { name } = readClaim(entry);
      if (address === undefined || name === undefined) continue;
      claims.#found.set(formatAddress(address), { name, address, entry, isConfirmed: false });
    }
    for (const entry of entries) {
      const confirmed = confirmedBy(pool, entry.key);
      if (confirmed === undefined) continue;
      const found = claims.#found.get(formatAddress(confirmed.address));
      if (found !== undefined && claimId(found.entry) === confirmed.id) found.isConfirmed = true;
      else claims.#stale.push(entry);
    }
    return claims;
  }

  names(): Set<string> {
    return new Set([...this.#found.values()].map(({ name }) => name));
  }

  /** The addresses that the name has. */
  of(name: string): Address[] {
    return this.#which(name, true);
  }

  /** What the name has perhaps never had. */
  unconfirmed(name: string): Address[] {
    return this.#which(name, false);
  }

  #which(name: string, isConfirmed: boolean): Address[] {
    const all = [...this.#found.values()];
    return all.filter((one) => one.name === name && one.isConfirmed === isConfirmed).map(({ address }) => address);
  }

  has(name: string, address: Address): boolean {
    const found = this.#found.get(formatAddress(address));
    return found?.name === name && found.isConfirmed;
  }

  /** @returns the claim's identity; undefined where somebody else has the address */
  async make(name: string, address: Address): Promise<string | undefined> {
    const [key, value] = [addressKey(this.#pool, address), namesAddressText(name)];
    if ((await this.#store.create(key, value)) !== undefined) return undefined;
    const entry = await this.#store.get(key);
    if (entry?.value !== value) return undefined;
    this.#found.set(formatAddress(address), { name, address, entry, isConfirmed: false });
    return claimId(entry);
  }

  async confirm(name: string, address: Address, id: string): Promise<void> {
    await this.#store.create(confirmationKey(this.#pool, address, id), namesAddressText(name));
    const found = this.#found.get(formatAddress(address));
    if (found !== undefined) found.isConfirmed = true;
  }

  /** Removes the claim as it was read, and its confirmation. */
  async remove(address: Address): Promise<void> {
    const text = formatAddress(address);
    const found = this.#found.get(text);
    if (found === undefined) return;
    this.#found.delete(text);
    await this.#store.remove(found.entry);
    const confirmation = await this.#store.get(confirmationKey(this.#pool, address, claimId(found.entry)));
    if (confirmation !== undefined) await this.#store.remove(confirmation);
  }

  async removeStale(): Promise<void> {
    for (const entry of this.#stale) await this.#store.remove(entry);
  }
}
