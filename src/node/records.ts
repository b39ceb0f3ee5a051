// What is in the store, and under which keys:
//
//     pools/POOL                  the size of the pool's blocks: a block of one node is none of another's only if all agree on it
//     blocks/POOL/ADDRESS-LENGTH  whose block it is: from its creation to its removal of one node
//     addresses/POOL/ADDRESS      whose address it is, of one that was claimed alone
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
export const poolKey = (pool: string): string => `pools/${pool}`;
export const nodesOf = (node: string): string => `nodes/${node}/`;
export const allNodes = "nodes/";

export function blockKey(pool: string, { address, length }: Prefix): string {
  return `${blocksOf(pool)}${formatAddress(address)}-${length}`;
}

export function addressKey(pool: string, address: Address): string {
  return addressesOf(pool) + formatAddress(address);
}

/** The block of a key; undefined of one that is no block's. */
export function blockOfKey(pool: string, key: string): Prefix | undefined {
  return parsePrefix(key.slice(blocksOf(pool).length).replace("-", "/"));
}

export function addressOfKey(pool: string, key: string): Address | undefined {
  return parseAddress(key.slice(addressesOf(pool).length));
}

/** The block that an address lies in. */
export function blockAround(address: Address, subnet: Prefix | undefined, blockSize: BlockSize): Prefix {
  const size = address.family === 4 ? blockSize.ipv4 : blockSize.ipv6;
  const length = Math.min(bitsOf(address.family), Math.max(size, subnet?.length ?? 0));
  return networkOf({ address, length });
}

/** Each claim is another text: whether one's own came through can be told when the answer was lost. */
export function claimText(node: string, machine: string): string {
  return JSON.stringify({ node, machine, since: new Date().toISOString(), claim: randomBytes(8).toString("hex") });
}

/** @returns a claim of nobody where the entry is none of ours: it is not to be taken for free */
export function readClaim({ value }: Pick<Entry, "value">): Claim {
  const raw = parse(value);
  const text = (key: string) => (typeof raw[key] === "string" ? raw[key] : "");
  return { node: text("node") || "?", machine: text("machine"), since: text("since") };
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
