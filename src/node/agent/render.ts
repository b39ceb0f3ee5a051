import { Refused } from "../claim-store.ts";

/** What of a network depends on the node. */
export interface NodeFacts {
  /** The node's share of the cluster's pods' network, one a family; empty where nobody gives it one. */
  readonly podCIDRs: readonly string[];
}

/** In `ipam.subnets`: as many entries as the node has podCIDRs, each with one of them. */
export const podCIDRs = "$podCIDRs";

/**
 * A node's network from the ConfigMap's.
 * @param name of its file, for messages
 * @throws Refused where it is no network, or lacks what the node has not got
 */
export function render(name: string, template: string, facts: NodeFacts): string {
  let list: { plugins?: unknown };
  try {
    list = JSON.parse(template);
  } catch (error) {
    throw new Refused(`${name} in the ConfigMap is no JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(list?.plugins))
    throw new Refused(`${name} in the ConfigMap is no configuration list: it lacks "plugins"`);
  const plugins = list.plugins.map((plugin) => {
    const subnets = plugin?.ipam?.subnets;
    if (!Array.isArray(subnets)) return plugin;
    return {
      ...plugin,
      ipam: { ...plugin.ipam, subnets: subnets.flatMap((subnet) => withFacts(name, subnet, facts)) },
    };
  });
  return `${JSON.stringify({ ...list, plugins }, undefined, 2)}\n`;
}

function withFacts(name: string, subnet: { subnet?: unknown }, facts: NodeFacts): object[] {
  if (subnet?.subnet !== podCIDRs) return [subnet];
  if (facts.podCIDRs.length === 0) {
    throw new Refused(
      `${name} wants the Node's podCIDRs, and it has none: kube-controller-manager gives them with --allocate-node-cidrs`,
    );
  }
  return facts.podCIDRs.map((cidr) => ({ ...subnet, subnet: cidr }));
}
