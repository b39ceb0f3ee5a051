/** Where the test machine keeps things on the host. */

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { cachePath } from "../../build/cache.ts";

/** The checkout this file belongs to. */
export const repository = resolve(import.meta.dirname, "../..");

/** What belongs to machines, running ones as well. May be deleted when none runs. */
export const cache = cachePath("machine");

/** First 12 hex digits of the SHA-256 of `text`. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
