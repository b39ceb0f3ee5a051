/** The pods' networks that the scenarios are run in, as the chart's values have them. */
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
  /** One of `networks` in the chart's values. */
  readonly values: object;
}

const valuesOf = (name: NetworkName, more: object): object => ({
  name,
  // All in one file, so that the pods have no other network than the last one.
  file: "10-pods",
  parent: "eth0",
  podCIDRs: false,
  hostAccess: true,
  serviceCIDRs,
  ...more,
});

/** Those of the LAN that no machine has. */
const poolCIDRs = ["192.168.50.128/25", "fd50::1:0/112"] as const;
const ofPool = {
  subnets: [
    { subnet: "192.168.50.0/24", gateway: router[0], ipRange: poolCIDRs[0] },
    { subnet: "fd50::/64", gateway: router[1], ipRange: poolCIDRs[1] },
  ],
  pool: { blockSize: { ipv4: 28 } },
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
    values: valuesOf("routed", { mode: "l3s", podCIDRs: true }),
  },
  flat: {
    name: "flat",
    title: "l2 in the LAN's own subnets, one pool for all nodes in the Kubernetes API; hostAccess",
    mode: "l2",
    clusterCIDRs: poolCIDRs,
    masqueradeAll: true,
    hasPool: true,
    values: valuesOf("flat", { mode: "l2", ...ofPool }),
  },
  announced: {
    name: "announced",
    title: "l3s in the LAN's own subnets, announced, one pool for all nodes in the Kubernetes API; hostAccess",
    mode: "l3s",
    clusterCIDRs: poolCIDRs,
    masqueradeAll: false,
    hasPool: true,
    values: valuesOf("announced", { mode: "l3s", announce: true, ...ofPool }),
  },
};

/** The same with the reference's `portmap` behind the plugin, for ports of the host. */
export function withHostPorts(network: Network): Network {
  return { ...network, title: `${network.title}, portmap`, values: { ...network.values, portmap: true } };
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
