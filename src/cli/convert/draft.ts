import type { JsonObject } from "../../cni/json.ts";
import { identifierFault } from "../../cni/names.ts";
import { parseNetworkConfig } from "../../config/parse.ts";
import { PluginError } from "../../errors.ts";

/** A network that was converted. */
export interface Converted {
  readonly name: string;
  readonly list: JsonObject;
  /** What could not be carried over, and what to do about it: a sentence each. */
  readonly remarks: readonly string[];
}

/** What is refused, with the reason: `network db_net: ...`. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/**
 * A configuration list with one plugin of ours in it.
 * @param entry without `type`; keys that are undefined are left out
 * @throws Refusal where the plugin would refuse it
 */
export function finish(
  name: string,
  entry: Readonly<Record<string, unknown>>,
  remarks: readonly string[],
  cniVersion: string,
): Converted {
  const fault = identifierFault(name);
  if (fault !== undefined) throw new Refusal(`network ${JSON.stringify(name)}: its name ${fault}`);
  const plugin = {
    type: "ipvlan",
    ...Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)),
  };
  const list = { cniVersion, name, plugins: [plugin] };
  try {
    const { warnings } = parseNetworkConfig(JSON.stringify({ ...plugin, name, cniVersion }), {
      command: "ADD",
      args: "",
      netns: "/run/netns/container",
      ifname: "eth0",
    });
    return { name, list, remarks: [...remarks, ...warnings] };
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    throw new Refusal(`network ${name}: ${error.message}`);
  }
}
