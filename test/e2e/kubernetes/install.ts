/**
 * How the plugin and a network come onto a node: as the DaemonSet of the agent does it, by the agent itself, which runs here as a program
 * of the node. A chart that is installed into the cluster would take the place of {@link installAgent}.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../../../build/paths.ts";
import { newestPlugins, packagedFolder } from "../../machine/reference-plugins.ts";
import { type Api, until } from "./api.ts";
import { type ControlPlane, kubeconfigOf, tokens } from "./control-plane.ts";
import type { Network } from "./networks.ts";
import type { ClusterNode } from "./nodes.ts";
import type { ProgramSet } from "./programs.ts";

/** Where the agent's image would be: the programs beside each other. */
const image = "/disk/image";
/** The ConfigMap, mounted. */
const templates = "/etc/ipvlan-cni/networks";
const file = "10-pods.conflist";

/** The newest one: Debian's does not know the protocol's version 1.1.0. */
function portmap(): string {
  const plugins = newestPlugins();
  if ("missing" in plugins) throw new Error(plugins.missing);
  return join(plugins.path, "portmap");
}

/** What is defined in the cluster once. */
export async function installResources(api: Api): Promise<void> {
  const { load } = await import("js-yaml");
  const claims = load(readFileSync(at("build/kubernetes/chart/crds/ipvlanclaims.yaml"), "utf8"));
  await api.ensure(claims as Parameters<Api["ensure"]>[0]);
}

/** Lays the reference's `loopback` and `portmap`, and the agent onto a node, and starts the agent, which installs the plugin. */
export async function installAgent(node: ClusterNode, { server, caFile }: ControlPlane): Promise<void> {
  const ca = node.put("server.crt", readFileSync(caFile, "utf8"));
  const kubeconfig = node.put("agent.kubeconfig", kubeconfigOf(server, ca, tokens.admin));
  await node.host.ok(
    `set -e
    mkdir -p ${image} ${templates}
    cp ${packagedFolder}/loopback /opt/cni/bin/
    cp ${portmap()} /opt/cni/bin/
    cp ${at("dist/native/ipvlan")} ${at("dist/pkg/ipvlan-node")} ${image}/`,
    { timeoutMs: 120_000 },
  );
  await node.start("agent", [
    `NODE_NAME=${node.name}`,
    `KUBECONFIG=${kubeconfig}`,
    "METRICS_ADDRESS=127.0.0.1:9428",
    `${image}/ipvlan-node`,
    "agent",
  ]);
  await until(`the agent has put the plugin into /opt/cni/bin of ${node.name}`, 120, async () => {
    const { code, stderr } = await node.host.sh(
      "test -x /opt/cni/bin/ipvlan || { tail -n 3 /var/log/agent.log >&2; false; }",
    );
    if (code !== 0) throw new Error(stderr);
    return true;
  });
}

/** Gives a node another network, by the agent's template, and waits until containerd has it. */
export async function useNetwork(
  node: ClusterNode,
  programs: Record<ProgramSet, string>,
  { name, template }: Network,
): Promise<void> {
  const text = JSON.stringify(template, undefined, 2);
  // As a ConfigMap's files are: each whole from one moment to the next.
  await node.host.ok(`
    set -e
    mkdir -p ${templates}
    cat > ${templates}/.new <<'END'\n${text}\nEND
    mv ${templates}/.new ${templates}/${file}`);
  await untilFirst(node, programs, name);
}

/** Waits until containerd gives pods the network of this name: it has one at a time, and sees by itself that the files change. */
export async function untilFirst(node: ClusterNode, programs: Record<ProgramSet, string>, name: string): Promise<void> {
  await until(`containerd of ${node.name} has the network ${name}`, 120, async () => {
    const { stdout, stderr } = await node.host.sh(`${programs.crictl}/crictl info; tail -n 3 /var/log/agent.log >&2`);
    if (stdout.includes(`"Name": "${name}"`)) return true;
    throw new Error(stderr);
  });
}
