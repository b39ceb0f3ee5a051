import type { ParseContext } from "../../../../src/config/chained.ts";
import type { NetworkConfig } from "../../../../src/config/network-config.ts";
import { parseNetworkConfig } from "../../../../src/config/parse.ts";
import { PluginError } from "../../../../src/errors.ts";
import { formatAddress, formatPrefix } from "../../../../src/ip/address.ts";

export const context: ParseContext = { command: "ADD", args: "", netns: "/run/netns/blue", ifname: "eth0" };

/** The configuration of a network "n", with its warnings. */
export function parseWithWarnings(
  value: object,
  more: Partial<ParseContext> = {},
): { config: NetworkConfig; warnings: readonly string[] } {
  const text = JSON.stringify({ cniVersion: "1.1.0", name: "n", type: "ipvlan", ...value });
  return parseNetworkConfig(text, { ...context, ...more });
}

/** What a network without a subnet is told that is attached to a parent: most tests have none, for brevity. */
export const poolWarning = /^no subnet is named: addresses come from a default pool/;

/** The same, where no warning is expected. */
export function parse(value: object, more: Partial<ParseContext> = {}): NetworkConfig {
  const { config, ...all } = parseWithWarnings(value, more);
  const warnings = all.warnings.filter((warning) => !poolWarning.test(warning));
  if (warnings.length > 0) throw new Error(`unexpected warnings: ${warnings.join("; ")}`);
  return config;
}

/** The error of a configuration that is refused. */
export function refuse(value: object, more: Partial<ParseContext> = {}): PluginError {
  let config: NetworkConfig;
  try {
    config = parseWithWarnings(value, more).config;
  } catch (error) {
    if (error instanceof PluginError) return error;
    throw error;
  }
  throw new Error(`not refused: ${JSON.stringify(readable(config))}`);
}

/** A value with its addresses and prefixes as text, and without keys that are undefined. */
export function readable(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(readable);
  const object = value as Record<string, never>;
  if ("family" in object && "value" in object) return formatAddress(object as never);
  if ("length" in object && Object.keys(object).length === 2) {
    return object.length === undefined ? { address: readable(object.address) } : formatPrefix(object as never);
  }
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, item]) => (item === undefined ? [] : [[key, readable(item)]])),
  );
}
