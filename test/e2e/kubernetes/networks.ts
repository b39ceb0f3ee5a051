/** The pods' networks that the scenarios are run in. */
import { BlockList } from "node:net";
import { podCIDRs, serviceCIDRs } from "./addresses.ts";
import { router } from "./lan.ts";

export type NetworkName = "routed" | "flat" | "announced";

export interface Network {
  readonly name: NetworkName;
  /** What it is, for the table. */
  readonly title: string;
  readonly mode: "l2" | "l3s";
  /** All addresses that pods can have, as kube-proxy is told. */
  readonly clusterCIDRs: readonly string[];
  /** kube-proxy's `--masquerade-all`: where answers of backends on other nodes do not pass the host's netfilter. */
  readonly masqueradeAll: boolean;
  /** Its addresses are a pool of the whole cluster, so that each node needs the agent. */
  readonly hasPool: boolean;
  /** The network configuration; `$podCIDRs` stands for the node's, as in the agent's ConfigMap. */
  readonly template: { readonly plugins: readonly object[]; readonly [key: string]: unknown };
}

const list = (name: NetworkName, plugin: object): Network["template"] => ({
  cniVersion: "1.1.0",
  name,
  plugins: [{ type: "ipvlan", master: "eth0", hostAccess: true, serviceCIDRs, ...plugin }],
});

/** Those of the LAN that no machine has. */
const poolCIDRs = ["192.168.50.128/25", "fd50::1:0/112"] as const;
const pool = {
  subnets: [
    { subnet: "192.168.50.0/24", gateway: router[0], ipRange: poolCIDRs[0] },
    { subnet: "fd50::/64", gateway: router[1], ipRange: poolCIDRs[1] },
  ],
  cluster: { kubernetes: {}, blockSize: { ipv4: 28 } },
  // Of the pods of StatefulSets; all others have any.
  sticky: true,
};

export const networks: Record<NetworkName, Network> = {
  routed: {
    name: "routed",
    title: "l3s, each node's podCIDRs, routed by the nodes and the LAN's router; hostAccess",
    mode: "l3s",
    clusterCIDRs: podCIDRs,
    masqueradeAll: false,
    hasPool: false,
    template: list("routed", { mode: "l3s", ipam: { subnets: [{ subnet: "$podCIDRs" }] } }),
  },
  flat: {
    name: "flat",
    title: "l2 in the LAN's own subnets, one pool for all nodes in the Kubernetes API; hostAccess",
    mode: "l2",
    clusterCIDRs: poolCIDRs,
    masqueradeAll: true,
    hasPool: true,
    template: list("flat", { mode: "l2", ipam: pool }),
  },
  announced: {
    name: "announced",
    title: "l3s in the LAN's own subnets, announced, one pool for all nodes in the Kubernetes API; hostAccess",
    mode: "l3s",
    clusterCIDRs: poolCIDRs,
    masqueradeAll: false,
    hasPool: true,
    template: list("announced", { mode: "l3s", announce: true, ipam: pool }),
  },
};

/** The same with the reference's `portmap` behind the plugin, for ports of the host. */
export function withHostPorts(network: Network): Network {
  const portmap = { type: "portmap", capabilities: { portMappings: true }, snat: true };
  const { plugins, ...list } = network.template;
  return {
    ...network,
    title: `${network.title}, portmap`,
    template: { ...list, plugins: [...plugins, portmap] },
  };
}

/** @returns those of the addresses that lie in one of the networks */
export function within(cidrs: readonly string[], addresses: readonly string[]): string[] {
  const family = (text: string) => (text.includes(":") ? "ipv6" : "ipv4");
  const inside = new BlockList();
  for (const cidr of cidrs) {
    const [address, length] = cidr.split("/") as [string, string];
    inside.addSubnet(address, Number(length), family(address));
  }
  return addresses.filter((address) => inside.check(address, family(address)));
}
