/** How the plugin and a network come onto the nodes: by the chart, as a user installs it, with the image of this build. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { renderChart } from "../../../build/manifests.ts";
import { newestPlugins, packagedFolder } from "../../machine/reference-plugins.ts";
import { type Api, type KubernetesObject, pathOf, until } from "./api.ts";
import type { Cluster } from "./cluster.ts";
import { nodeReady } from "./conditions.ts";
import type { Network } from "./networks.ts";
import { agentLogs, type ClusterNode } from "./nodes.ts";
import type { ProgramSet } from "./programs.ts";

/** The path of one of the newest reference plugins: Debian's do not know the protocol's version 1.1.0. */
export function referencePlugin(name: string): string {
  const plugins = newestPlugins();
  if ("missing" in plugins) throw new Error(plugins.missing);
  return join(plugins.path, name);
}

/** Lays the reference's `loopback`, which containerd calls by itself, and `portmap` onto a node. */
export async function layReferencePlugins({ host }: ClusterNode): Promise<void> {
  await host.ok(`cp ${packagedFolder}/loopback ${referencePlugin("portmap")} /opt/cni/bin/`, { timeoutMs: 120_000 });
}

/** Installs the chart with one network, or changes its network; the nodes have it some time later. */
export async function installChart(api: Api, network: Network): Promise<void> {
  for (const object of await objectsOf(network)) await api.apply(object);
  // A kubelet looks at a ConfigMap's files when it looks at the pod, which is once a minute if nothing happens to that.
  for (const pod of await agentPods(api)) {
    await api.change(pathOf(pod), { metadata: { annotations: { "ipvlan-cni.io/changed": new Date().toISOString() } } });
  }
}

/** Takes the chart away, as Helm does: all but what it has defined for the cluster. */
export async function uninstallChart(api: Api, network: Network): Promise<void> {
  const objects = await objectsOf(network);
  for (const kind of uninstallOrder) {
    for (const object of objects) if (object.kind === kind) await api.delete(pathOf(object));
  }
}

/** As Helm has it. */
const uninstallOrder = [
  ...["DaemonSet", "RoleBinding", "Role", "ClusterRoleBinding", "ClusterRole", "ConfigMap", "ServiceAccount"],
];

async function objectsOf({ values }: Network): Promise<KubernetesObject[]> {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-e2e-"));
  try {
    const file = join(folder, "values.json");
    writeFileSync(file, JSON.stringify({ networks: [values] }));
    const documents = parseAllDocuments(await renderChart(["--values", file]));
    return documents.map((document) => document.toJS()).filter((object) => object !== null);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Is it a pod of the chart? */
export const isAgent = ({ metadata }: KubernetesObject): boolean =>
  metadata.labels?.["app.kubernetes.io/name"] === "ipvlan-cni";

/** Each node's. */
export async function agentPods(api: Api): Promise<KubernetesObject[]> {
  const items = await api.list("/api/v1/namespaces/kube-system/pods");
  return items.map((item) => ({ ...item, apiVersion: "v1", kind: "Pod" })).filter(isAgent);
}

/** Waits until containerd gives pods the network of this name: it has one at a time, and sees by itself that the files change. */
export async function untilFirst(
  { name: node, host }: ClusterNode,
  programs: Record<ProgramSet, string>,
  name: string,
): Promise<void> {
  await until(`containerd of ${node} has the network ${name}`, 300, async () => {
    const { stdout, stderr } = await host.sh(`${programs.crictl}/crictl info; tail -q -n 3 ${agentLogs} >&2`);
    if (stdout.includes(`"Name": "${name}"`)) return true;
    throw new Error(stderr);
  });
}

/** Waits until the pods of each node get the network that was installed, and each Node is Ready. */
export async function networkIsUp({ api, nodes, programs, network }: Cluster): Promise<void> {
  const onNode = async (node: ClusterNode): Promise<void> => {
    await untilFirst(node, programs, network.name);
    await nodeReady(api, node.name);
  };
  await Promise.all(nodes.map(onNode));
}

/** Ends the agent on a node, as if it had crashed. Its kubelet, where that runs, starts it again. */
export async function killAgent({ host }: ClusterNode): Promise<void> {
  await host.ok("kill -9 $(pidof ipvlan-node)");
}
