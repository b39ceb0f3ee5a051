/** Where the test machine keeps things on the host. */

import { createHash } from "node:crypto";
import { join, resolve } from "node:path";

/** The checkout this file belongs to. */
export const repository = resolve(import.meta.dirname, "../..");

/** Everything that is downloaded or made, below `$IPVLAN_CNI_CACHE` or `.cache` in the checkout. May be deleted. */
export const cache = resolve(process.env.IPVLAN_CNI_CACHE || join(repository, ".cache"), "machine");

/** First 12 hex digits of the SHA-256 of `text`. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
