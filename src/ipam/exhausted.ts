import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress, parseAddress } from "../ip/address.ts";
import { finder } from "../ip/bounds.ts";
import { describeHolder } from "./kept.ts";
import { capacity, ring, type Span } from "./span.ts";
import type { Store } from "./store.ts";

/** All addresses are held: one that is given back makes another ADD succeed. */
export class PoolIsFull extends PluginError {
  constructor(message: string) {
    super(ErrorCode.tryAgainLater, message, "/ipam");
  }
}

/**
 * The error for spans that have no free address: what they are, how many are held and by whom the longest, and what to
 * do. Try again later (11) where a container that ends gives one back; an invalid configuration where there is none to
 * give.
 */
export function exhausted(
  store: Store,
  spans: readonly Span[],
  never: readonly Address[],
  after: Address | undefined,
): PluginError {
  const nothing = nothingToGive(spans, never);
  if (nothing !== undefined) return nothing;
  const pool = spans.map(formatSpan).join(", ");
  const size = capacity(spans, never);
  const spanOf = finder(spans);
  const held = store.names().filter((name) => {
    const address = parseAddress(name);
    return address !== undefined && spanOf(address) !== undefined;
  });
  const oldest = oldestOf(store, held, spans, never, after).map(({ name, seconds }) => {
    const holder = store.holderOf(name);
    const who = holder === undefined ? "?" : describeHolder(holder);
    return `${name} by ${who} since ${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
  });
  const message =
    `no free address in ${pool}: all ${size} are held, longest ${oldest.join(", ")}; ` +
    "end containers, run GC for those that are gone, or make the pool larger";
  return new PoolIsFull(message);
}

/** The error for spans in which no address could ever be given; undefined where one could. */
export function nothingToGive(spans: readonly Span[], never: readonly Address[]): PluginError | undefined {
  if (capacity(spans, never) > 0n) return undefined;
  const message =
    `no address to give in ${spans.map(formatSpan).join(", ")}: ` +
    "it holds the gateway, excluded addresses and such as others have, and no more; make it larger";
  return new PluginError(ErrorCode.invalidConfiguration, message, "/ipam");
}

function formatSpan({ first, last }: Span): string {
  return `${formatAddress(first)}-${formatAddress(last)}`;
}

/**
 * Above this many held addresses not all are asked for their time: those next in the round-robin are the oldest but for
 * frees out of order.
 */
const ASKED = 1024;
const SHOWN = 3;

function oldestOf(
  store: Store,
  held: readonly string[],
  spans: readonly Span[],
  never: readonly Address[],
  after: Address | undefined,
): { name: string; seconds: number }[] {
  let asked = held;
  if (held.length > ASKED) {
    const next: string[] = [];
    for (const address of ring(spans, after, never)) {
      if (next.push(formatAddress(address)) === ASKED) break;
    }
    asked = next;
  }
  return asked
    .map((name) => ({ name, seconds: Number(store.reservedAt(name) / 1_000_000_000n) }))
    .sort((a, b) => a.seconds - b.seconds)
    .slice(0, SHOWN);
}
