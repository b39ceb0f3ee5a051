import { describe, type JsonObject } from "../cni/json.ts";
import { nearest } from "./did-you-mean.ts";

/** The top-level keys that mean something to this plugin; a test compares them with the schema. */
export const ourKeys: readonly string[] = [
  "master",
  "parent",
  "mode",
  "ipvlan_mode",
  "flag",
  "ipvlan_flag",
  "vlan",
  "internal",
  "mtu",
  "linkInContainer",
  "ipam",
  "dns",
];

/** Keys of the specification, of libcni and of other plugins: never a slip of the pen. */
const otherKeys: readonly string[] = [
  "cniVersion",
  "cniVersions",
  "name",
  "type",
  "args",
  "runtimeConfig",
  "capabilities",
  "prevResult",
  "ipMasq",
  "disableCheck",
  "disableGC",
  "loadOnlyInlinedPlugins",
  "plugins",
  "mac",
  "vlanId",
  "vlanTrunk",
];

/**
 * The configuration's keys as this plugin reads them. null and "" are as good as absent, and another case as good as
 * ours where ours is absent: the reference plugins, written in Go, read JSON in that way.
 * A key that is neither ours nor known but close to one of ours is passed over with a warning.
 */
export function readKeys(raw: JsonObject, warnings: string[]): JsonObject {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) {
    // `"master": ""` is what Podman writes, see parseParent.
    if (value === null || (value === "" && key !== "master")) continue;
    if (ourKeys.includes(key) || otherKeys.includes(key) || key.startsWith("cni.dev/")) {
      result[key] = value;
      continue;
    }
    const meant = nearest(key, ourKeys);
    if (meant === undefined) continue;
    if (meant.toLowerCase() === key.toLowerCase() && !isGiven(raw[meant])) {
      result[meant] = value;
      warnings.push(`key "${key}" is read as "${meant}": write it so`);
    } else {
      warnings.push(`unknown key "${key}" (value ${describe(value)}) is passed over; did you mean "${meant}"?`);
    }
  }
  return result;
}

/** An object without the keys whose value is null or "". */
export function withoutEmpty(raw: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => isGiven(value)));
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}
