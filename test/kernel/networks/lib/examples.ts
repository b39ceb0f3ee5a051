import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the configurations that are tested here. */
export const examplesFolder = fileURLToPath(new URL("../../../../conf-examples", import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: configurations of every shape
type Json = any;

/** A network as a runtime reads it from a configuration list. */
export interface Network {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly Json[];
}

/** The network of a file in conf-examples: `example("09-ipvlan20.conflist")`. */
export function example(file: string): Network {
  const text = readFileSync(join(examplesFolder, file), "utf8");
  return JSON.parse(file.endsWith(".yaml") ? attachmentDefinition(text) : text);
}

/** The block behind `config: |-` in a NetworkAttachmentDefinition: the lines that are indented further. */
export function attachmentDefinition(text: string): string {
  const [, indent = "", block = ""] = /^( *)config: \|-?\n((?:\1 +.*\n)+)/m.exec(text) ?? [];
  if (block === "") throw new Error(`there is no "config: |-" in ${text}`);
  return block.replaceAll(`\n${indent}  `, "\n");
}

/** The network with other keys in its ipvlan plugin. */
export function changed(network: Network, keys: Json, name = network.name): Network {
  return { ...network, name, plugins: network.plugins.map((plugin) => ({ ...plugin, ...keys })) };
}

/**
 * What the runtime gives its first plugin on standard input (SPEC.md, section 4, "Deriving execution configuration").
 * @param ips what Docker calls --ip and --ip6: passed on only if the plugin has the capability
 */
export function executionConfig(network: Network, ips: readonly string[] = []): Json {
  const { capabilities, ...plugin } = network.plugins[0];
  const { name, cniVersion } = network;
  if (ips.length === 0) return { ...plugin, name, cniVersion };
  if (capabilities?.ips !== true)
    throw new Error(`network ${name} does not take addresses: it lacks the capability ips`);
  return { ...plugin, name, cniVersion, runtimeConfig: { ips } };
}
