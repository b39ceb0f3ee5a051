// What an answer means, without its words: so that ours and the reference's can be compared.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "./sequence.ts";

/** A result, or the kind of the error. */
export type Meaning = { readonly result: Json | undefined } | { readonly error: string };

const kinds: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ["duplicate", /duplicate allocation is not allowed|is already allocated to/],
  ["gateway", /^(?!.*in no range).*is (the )?subnet's gateway/],
  ["taken", /requested IP address .* is not available|requested address \S+ is (held|taken)/],
  ["exhausted", /no IP addresses available in range set|no free address in|no address to give in/],
  ["unmet", /failed to allocate all requested IPs|requested addresses that are in no range/],
  ["absent", /Failed to find address added by container|is reserved for/],
];

export function meaningOf(status: number, stdout: string): Meaning {
  if (status === 0) return { result: stdout.trim() === "" ? undefined : plain(JSON.parse(stdout) as Json) };
  const { msg } = JSON.parse(stdout) as { msg: string };
  return { error: kinds.find(([, pattern]) => pattern.test(msg))?.[0] ?? "configuration" };
}

/** The reference prints an empty dns, and an address before 0.3.0 with its version. */
function plain(result: Json): Json {
  const { dns, ...rest } = result;
  return Object.keys((dns as Json | undefined) ?? {}).length === 0 ? rest : result;
}

/** File name to text, without the lock. */
export function filesIn(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  if (!existsSync(folder)) return files;
  for (const name of readdirSync(folder).sort())
    if (name !== "lock") files[name] = readFileSync(join(folder, name), "utf8");
  return files;
}
