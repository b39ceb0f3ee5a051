// What the plugin and the command line ask of the program ipvlan-node, and its answers: one JSON object in, one out. Blocks are texts
// such as "10.0.0.64/26", addresses such as "10.0.0.70", both canonical.
import type { StoreConfig } from "../config/cluster.ts";

/** How the store is reached. */
export interface StoreAccess {
  readonly store: StoreConfig;
  /** Milliseconds for all of it. */
  readonly timeoutMs: number;
}

export interface BlockSize {
  readonly ipv4: number;
  readonly ipv6: number;
}

/** Where a new block may lie: of a subnet, the addresses from `first` to `last`. */
export interface WantedRange {
  readonly subnet: string;
  readonly first: string;
  readonly last: string;
}

/** A node tells the store what it has done with its claims, and asks for another one. */
export interface ExchangeRequest extends StoreAccess {
  readonly operation: "exchange";
  /** The network's name. */
  readonly pool: string;
  /** Undefined: the agent's. */
  readonly node: string | undefined;
  /** Tells the node's machine from others of its name. */
  readonly machine: string;
  readonly blockSize: BlockSize;
  /** The pool's. */
  readonly subnets: readonly string[];
  /** Claims, blocks and addresses, that the node knows to have. */
  readonly known: readonly string[];
  /** How many addresses of each of these blocks are held. */
  readonly held: Readonly<Record<string, number>>;
  /** Of the known ones, claims that are made anew, since the node was off: what was asked of the store while it was is of no effect then. */
  readonly renew: readonly string[];
  /** Claims, blocks and addresses, that the node has struck from its list. */
  readonly giveBack: readonly string[];
  /** Addresses that containers of this node hold outside of its claims: what they lie in is claimed. */
  readonly adopt: readonly string[];
  /** Undefined where the pool's addresses follow no names. */
  readonly names: NamesHere | undefined;
  /**
   * One more block of each family of the ranges, of the first that has a free one; where `ifNone`, of those families alone that the node
   * has no block of. Or these addresses.
   */
  readonly wanted:
    | { readonly ranges: readonly WantedRange[]; readonly ifNone: boolean }
    | { readonly addresses: readonly string[] };
}

/** Names on a node, of containers whose addresses follow them, and at most one address of each family for each. */
export interface NamesHere {
  /** Names that the node knows to have. */
  readonly known: readonly string[];
  /** Whose containers are here. */
  readonly held: readonly NamedAddresses[];
  /** Whose containers were here: the node has struck them from its list. */
  readonly idle: readonly NamedAddresses[];
  /** A name that a container is about to come up by. */
  readonly wanted: string | undefined;
}

export interface NamedAddresses {
  readonly name: string;
  readonly addresses: readonly string[];
}

export interface ExchangeReply {
  /** By which the claims are known. */
  readonly node: string;
  /** All blocks of the node, and all addresses that it has claimed one by one. */
  readonly blocks: readonly string[];
  readonly addresses: readonly string[];
  /** Addresses in these blocks that other nodes had claimed before, or that names have which are not here. */
  readonly except: readonly string[];
  /** All names that the node has, and their addresses: none where the name never had one. */
  readonly names: readonly NamedAddresses[];
  /** The node that has the wanted name. */
  readonly nameIsAt: string | undefined;
  /** All blocks of a family's wanted ranges are claimed: how many of these each node has. */
  readonly full: Readonly<Record<string, number>> | undefined;
  /** Addresses that another node has, of `adopt` or `wanted`. */
  readonly conflicts: readonly Conflict[];
}

export interface Conflict {
  readonly address: string;
  /** Who has it. */
  readonly node: string;
  /** It stays with this name, and is no node's. */
  readonly name?: string | undefined;
  /** The block that it lies in; undefined where the address alone is claimed. */
  readonly block: string | undefined;
}

export interface StatusRequest extends StoreAccess {
  readonly operation: "status";
  readonly pool: string;
}

export interface StatusReply {
  readonly blockSize: BlockSize | undefined;
  readonly blocks: readonly (Claim & { readonly block: string })[];
  readonly addresses: readonly (Claim & { readonly address: string })[];
  readonly names: readonly StickyName[];
  readonly nodes: readonly SeenNode[];
}

/** A name that addresses stay with. */
export interface StickyName extends NamedAddresses {
  /** The node on which its container is; undefined where it is on none. */
  readonly node: string | undefined;
  /** Since when, ISO 8601. */
  readonly since: string;
}

export interface Claim {
  readonly node: string;
  readonly machine: string;
  /** The name that has it, and no node. */
  readonly name?: string | undefined;
  /** ISO 8601 */
  readonly since: string;
}

export interface SeenNode {
  readonly node: string;
  readonly machine: string;
  /** When it last spoke with the store, to ten minutes; ISO 8601. */
  readonly seen: string;
}

/** All claims of a node in the pool are taken from it. */
export interface ReleaseRequest extends StoreAccess {
  readonly operation: "release";
  readonly pool: string;
  readonly node: string;
  /** Also where it was seen a short while ago. */
  readonly force: boolean;
}

/** The addresses that stay with a name do so no longer. */
export interface ForgetRequest extends StoreAccess {
  readonly operation: "forget";
  readonly pool: string;
  readonly name: string;
}

export interface ReleaseReply {
  readonly released: readonly string[];
}

export type NodeRequest = ExchangeRequest | StatusRequest | ReleaseRequest | ForgetRequest;

/** Why a request came to nothing. */
export interface Failure {
  /** `unreachable`: no member of the store answered in time; `refused`: what was asked for makes no sense to the store's state. */
  readonly failure: "unreachable" | "refused";
  readonly message: string;
}

export type Answer<Reply> = Reply | Failure;

export function isFailure(answer: object): answer is Failure {
  return "failure" in answer;
}
