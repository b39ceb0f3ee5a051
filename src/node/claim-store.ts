/** What is kept under a key. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  /** Of this content: changes with it. */
  readonly version: string;
}

/** The store of claims, whatever it is made of. Each operation sees all that were done before it. */
export interface ClaimStore {
  /** @returns undefined where it was created, else what is there */
  create(key: string, value: string): Promise<Entry | undefined>;
  get(key: string): Promise<Entry | undefined>;
  /** All whose keys begin so, in the order of their keys. */
  list(prefix: string): Promise<Entry[]>;
  /** @returns false where it was changed or removed meanwhile */
  remove(entry: Entry): Promise<boolean>;
  /** Tells whoever looks into the store how many addresses of the block under the key are held; of no consequence. */
  noteUse?(key: string, used: number): Promise<void>;
}

/** No member of the store has answered in time. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** What was asked for makes no sense to the state of the store. */
export class Refused extends Error {
  override readonly name = "Refused";
}
