import { describe, isObject, type JsonObject, token } from "../cni/json.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { nearest } from "./did-you-mean.ts";
import { knownKeys } from "./keys.ts";

const isName = (value: unknown): boolean => typeof value === "string" || isObject(value);
const isFlag = (value: unknown): boolean => typeof value === "boolean";
const isMode = (value: unknown): boolean => typeof value === "string" && /^l\d/i.test(value);
const isVlan = (value: unknown): boolean =>
  typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value));

/**
 * The keys that decide where the container is attached: passed over, they leave it on another network than was meant, and running.
 * Each with the values by which a key that looks like it is taken for it, and other words for it (small, without _ and -).
 */
const deciding: Readonly<Record<string, { takes: (value: unknown) => boolean; words?: RegExp }>> = {
  master: { takes: isName, words: /^master(interface|iface|if|device|dev|link|name|nic)$/ },
  parent: { takes: isName, words: /^parent(interface|iface|if|device|dev|link|name|nic)$/ },
  vlan: { takes: isVlan, words: /^vlan|^vid$/ },
  internal: { takes: isFlag, words: /^isinternal$/ },
  linkInContainer: { takes: isFlag },
  mode: { takes: isMode },
  ipvlan_mode: { takes: isMode, words: /^ipvlanmode$/ },
};

const lowerCase = (text: string): string => text.toLowerCase();

/** Keys of libcni and of other plugins that look like one of ours. */
const others: readonly string[] = ["cniVersions"];

const known: ReadonlySet<string> = new Set(knownKeys.map(lowerCase));

/** Unknown keys that are looked at: looking takes a while, and a configuration with more is made to take one. */
const most = 200;

/**
 * What is said of top-level keys that are none of ours, but look like one. Others are passed over without a word: the specification
 * lets runtimes add keys.
 *
 * @throws PluginError 2 for one that looks like a key that decides where the container is attached
 */
export function judgeUnknownKeys(raw: JsonObject, warnings: string[]): void {
  let left = most;
  for (const [key, value] of Object.entries(raw)) {
    if (value === null || known.has(lowerCase(key)) || key.startsWith("cni.dev/")) continue;
    if (left-- === 0) return;
    const meant = meantBy(key);
    if (meant === undefined || others.includes(key)) continue;
    const what = `unknown key ${describe(key)} (value ${describe(value)})`;
    if (deciding[meant]?.takes(value)) {
      const message = `${what}: did you mean "${meant}"? It decides where the container is attached`;
      throw new PluginError(ErrorCode.unsupportedField, message, `/${token(key)}`);
    }
    warnings.push(`${what} is passed over; did you mean "${meant}"?`);
  }
}

function meantBy(key: string): string | undefined {
  const word = lowerCase(key).replace(/[_.-]/g, "");
  const [other] = Object.entries(deciding).find(([, { words }]) => words?.test(word)) ?? [];
  return other ?? nearest(key, knownKeys);
}
