// What is in the store, and under which keys:
//
//     pools/POOL                  the size of the pool's blocks: a block of one node is none of another's only if all agree on it
//     blocks/POOL/ADDRESS-LENGTH  whose block it is: from its creation to its removal of one node
//     addresses/POOL/ADDRESS      whose address it is, of one that was claimed alone: a node's or a name's
//     addresses/POOL/ADDRESS/ID   that the claim with this ID, a name's, holds
//     names/POOL/NAME             on which node the name's container is, or since when it is on none
//     nodes/NODE/TIME             that the node spoke with the store in the ten minutes from then on, and its machine
import { randomBytes } from "node:crypto";
import type { BlockSize, Claim } from "../cluster/protocol.ts";
import {
  type Address,
  bitsOf,
  formatAddress,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "../ip/address.ts";
import type { Entry } from "./claim-store.ts";

export const blocksOf = (pool: string): string => `blocks/${pool}/`;
export const addressesOf = (pool: string): string => `addresses/${pool}/`;
export const namesOf = (pool: string): string => `names/${pool}/`;
export const poolKey = (pool: string): string => `pools/${pool}`;
export const nodesOf = (node: string): string => `nodes/${node}/`;
export const allNodes = "nodes/";

export function blockKey(pool: string, { address, length }: Prefix): string {
  return `${blocksOf(pool)}${formatAddress(address)}-${length}`;
}

export function addressKey(pool: string, address: Address): string {
  return addressesOf(pool) + formatAddress(address);
}

/** The key that confirms a name's claim. @param id the claim's, see {@link claimId} */
export function confirmationKey(pool: string, address: Address, id: string): string {
  return `${addressKey(pool, address)}/${id}`;
}

/** What a confirmation's key confirms; undefined of another key. */
export function confirmedBy(pool: string, key: string): { address: Address; id: string } | undefined {
  const [text = "", id, ...more] = key.slice(addressesOf(pool).length).split("/");
  const address = parseAddress(text);
  return address === undefined || id === undefined || more.length > 0 ? undefined : { address, id };
}

/** The block of a key; undefined of one that is no block's. */
export function blockOfKey(pool: string, key: string): Prefix | undefined {
  return parsePrefix(key.slice(blocksOf(pool).length).replace("-", "/"));
}

export function addressOfKey(pool: string, key: string): Address | undefined {
  return parseAddress(key.slice(addressesOf(pool).length));
}

export function nameKey(pool: string, name: string): string {
  return namesOf(pool) + encodeURIComponent(name);
}

export function nameOfKey(pool: string, key: string): string {
  try {
    return decodeURIComponent(key.slice(namesOf(pool).length));
  } catch {
    return key;
  }
}

/** The block that an address lies in. */
export function blockAround(address: Address, subnet: Prefix | undefined, blockSize: BlockSize): Prefix {
  const size = address.family === 4 ? blockSize.ipv4 : blockSize.ipv6;
  const length = Math.min(bitsOf(address.family), Math.max(size, subnet?.length ?? 0));
  return networkOf({ address, length });
}

/** Each claim is another text: whether one's own came through can be told when the answer was lost. */
export function claimText(node: string, machine: string): string {
  return distinct({ node, machine });
}

/** Of an address that stays with a name. */
export function namesAddressText(name: string): string {
  return distinct({ name });
}

/** Of a name whose container is on no node. */
export function idleNameText(): string {
  return distinct({ idle: true });
}

function distinct(content: object): string {
  return JSON.stringify({ ...content, since: new Date().toISOString(), claim: randomBytes(8).toString("hex") });
}

/** @returns a claim of nobody where the entry is none of ours: it is not to be taken for free */
export function readClaim({ value }: Pick<Entry, "value">): Claim {
  const raw = parse(value);
  const text = (key: string) => (typeof raw[key] === "string" ? raw[key] : "");
  const claim = { node: text("node") || "?", machine: text("machine"), since: text("since") };
  return text("name") === "" ? claim : { ...claim, name: text("name") };
}

/** What tells a claim from all others, also of the same key. */
export function claimId({ value }: Pick<Entry, "value">): string {
  const { claim } = parse(value);
  return typeof claim === "string" ? claim : "";
}

/** Whether it is that of a name whose container is on no node. */
export function isIdle({ value }: Pick<Entry, "value">): boolean {
  return parse(value).idle === true;
}

export function readBlockSize({ value }: Entry): BlockSize | undefined {
  const { blockSize } = parse(value) as { blockSize?: Partial<BlockSize> };
  const { ipv4, ipv6 } = blockSize ?? {};
  return typeof ipv4 === "number" && typeof ipv6 === "number" ? { ipv4, ipv6 } : undefined;
}

function parse(value: string): Readonly<Record<string, unknown>> {
  try {
    const raw: unknown = JSON.parse(value);
    return typeof raw === "object" && raw !== null ? (raw as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
