import type { JsonObject } from "../cni/json.ts";
import { normalise } from "../cni/normalise.ts";
import { keys } from "./generated/network-configuration.keys.ts";

/** The top-level keys that the schema knows. */
export const knownKeys: readonly string[] = Object.keys(keys.keys ?? {});

/**
 * The configuration's known keys as this plugin reads them, on every level: see {@link normalise}. At the top and in `ipam`, ""
 * is as good as absent, too, as the reference plugins have it.
 */
export function readKeys(raw: JsonObject, warnings: string[]): JsonObject {
  const found = normalise(raw, keys, "", (message) => warnings.push(message)) as JsonObject;
  const result: Record<string, unknown> = {};
  for (const key of knownKeys) {
    const value = found[key];
    // `"master": ""` is what Podman writes, see parseParent.
    if (value !== undefined && (value !== "" || key === "master")) result[key] = value;
  }
  return result;
}

/** An object without the keys whose value is "". */
export function withoutEmpty(raw: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== ""));
}
