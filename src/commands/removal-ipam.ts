import type { IpamConfig } from "../config/network-config.ts";
import type { RemovalConfig, RemovalIpam } from "../config/removal.ts";
import { type Ipam, openIpam } from "../ipam/ipam.ts";
import type { Invocation } from "./invocation.ts";

/** The IPAM of a configuration of which no more could be read than DEL and GC need: only their methods may be called. */
export function openRemovalIpam(config: RemovalConfig, invocation: Invocation): Ipam {
  const { environment, variables, stdin } = invocation;
  const { containerId, ifname } = environment;
  return openIpam({
    config: {
      ...config,
      ipam: toIpamConfig(config.ipam),
      parent: config.parent ?? { kind: "named", name: "", vlan: undefined },
      mode: "l2",
      flag: "bridge",
      mtu: 0,
      isolated: false,
      dns: undefined,
      requested: [],
    },
    containerId,
    ifname,
    stdin,
    environment: variables,
    hostPrefixes: () => [],
  });
}

function toIpamConfig(ipam: RemovalIpam): IpamConfig {
  switch (ipam.type) {
    case "builtin":
      return { ...ipam, type: "builtin", subnets: [], defaultPool: false, routes: [] };
    case "host-local":
      return { ...ipam, type: "host-local", rangeSets: [], routes: [], resolvConf: undefined };
    case "static":
      return { ...ipam, addresses: [], routes: [], dns: undefined };
    case "delegate":
      return ipam;
  }
}
