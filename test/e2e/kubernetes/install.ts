/** How the plugin and its network come onto a node. */
import { join } from "node:path";
import { at } from "../../../build/paths.ts";
import { packagedFolder } from "../../machine/reference-plugins.ts";
import type { ClusterNode } from "./nodes.ts";

export interface NetworkOptions {
  readonly mode: "l2" | "l3" | "l3s";
  readonly podCIDRs: readonly string[];
  readonly serviceCIDRs: readonly string[];
}

/** What containerd reads: the pods' network on a node. */
export const network = ({ mode, podCIDRs, serviceCIDRs }: NetworkOptions): object => ({
  cniVersion: "1.1.0",
  name: "pods",
  plugins: [
    {
      type: "ipvlan",
      master: "eth0",
      mode,
      hostAccess: true,
      serviceCIDRs,
      ipam: { subnets: podCIDRs.map((subnet) => ({ subnet })) },
    },
  ],
});

/** Lays the plugin, and containerd's `loopback`, into /opt/cni/bin, and writes the network last: the kubelet waits for that. */
export async function installPlugin(node: ClusterNode, options: NetworkOptions): Promise<void> {
  const text = JSON.stringify(network(options), undefined, 2);
  await node.host.ok(`
    set -e
    cp ${packagedFolder}/loopback ${at("dist/native/ipvlan")} /opt/cni/bin/
    cat > /run/10-pods.conflist <<'END'\n${text}\nEND
    cp /run/10-pods.conflist ${join("/etc/cni/net.d", ".new")}
    mv /etc/cni/net.d/.new /etc/cni/net.d/10-pods.conflist`);
}
