import { dirname } from "node:path";
import { Refused } from "../claim-store.ts";

/** Where things of the host are in the agent's pod: at the host's own places, so that the plugin finds them too. */
export const places = {
  plugins: "/opt/cni/bin",
  networks: "/etc/cni/net.d",
  state: "/run/ipvlan-cni",
  socket: "/run/ipvlan-cni/node.sock",
  reservations: "/var/lib/cni/networks",
  /** The ConfigMap's. */
  templates: "/etc/ipvlan-cni/networks",
} as const;

export interface Settings {
  /** The Node that this is. */
  readonly node: string;
  /** Of the image: the plugin and what else goes to the host lie beside this program. */
  readonly image: string;
  /** `ADDRESS:PORT` or `:PORT`, where metrics and health are told; undefined: nowhere. */
  readonly listen: string | undefined;
  /** By whose end this program knows that it is to clear up: `NAMESPACE/NAME` of its DaemonSet. */
  readonly daemonSet: string | undefined;
  /** For a cluster that this process is in no pod of. */
  readonly kubeconfig: string | undefined;
}

/** @throws Refused */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const { NODE_NAME: node, METRICS_ADDRESS: listen, DAEMONSET: daemonSet, KUBECONFIG: kubeconfig } = environment;
  if (!node) throw new Refused("NODE_NAME is not set: the chart takes it from the pod's spec.nodeName");
  return {
    node,
    image: dirname(process.execPath),
    listen: listen || undefined,
    daemonSet: daemonSet || undefined,
    kubeconfig: kubeconfig || undefined,
  };
}
