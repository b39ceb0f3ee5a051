/** A whole cluster: the LAN, the control plane and the nodes, brought up and ended together. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Etcd, startEtcd } from "../../cluster/lib/etcd.ts";
import { clusterDNS, podCIDRs, serviceCIDRs } from "./addresses.ts";
import { type Api, connectApi, until } from "./api.ts";
import { clear } from "./clear.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { installChart, layReferencePlugins, networkIsUp } from "./install.ts";
import { type Lan, makeLan, router } from "./lan.ts";
import { tellLogs } from "./logs.ts";
import type { Network } from "./networks.ts";
import { type ClusterNode, joinCluster, nodeName, type ProxyMode, startNode, startProxy } from "./nodes.ts";
import type { ProgramSet } from "./programs.ts";

export interface ClusterOptions {
  readonly programs: Record<ProgramSet, string>;
  readonly imageArchives: readonly string[];
  /** Of the first network. */
  readonly network: Network;
  readonly proxyMode: ProxyMode;
  readonly settings: Settings;
  readonly say: (line: string) => void;
}

/** Of Kubernetes' own suite. */
export interface Settings {
  /** A part of the names of the cases to run. */
  readonly focus: string;
  /** How many cases at once. */
  readonly processes: number;
  /** For each case. */
  readonly minutes: number;
}

/** What was started, to be ended in the opposite order. */
export interface Started {
  add(end: () => Promise<void>): void;
  end(): Promise<void>;
}

export function started(): Started {
  const ends: (() => Promise<void>)[] = [];
  return {
    add: (end) => void ends.push(end),
    async end() {
      for (let one = ends.pop(); one !== undefined; one = ends.pop()) await one();
    },
  };
}

export interface Cluster {
  readonly api: Api;
  readonly lan: Lan;
  readonly controlPlane: ControlPlane;
  readonly nodes: readonly ClusterNode[];
  readonly programs: Record<ProgramSet, string>;
  readonly folder: string;
  /** What its pods are in, now. */
  readonly network: Network;
  readonly proxyMode: ProxyMode;
  readonly settings: Settings;
  readonly started: Started;
}

const nodeCount = 2;

/** Starts all of it; the plugin is installed, the pods have a network, and both Nodes are Ready. What `ends` has then, or after a failure, is the caller's to end. */
export async function startCluster(options: ClusterOptions, ends: Started): Promise<Cluster> {
  const { programs, imageArchives, network, proxyMode, settings, say } = options;
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-e2e-"));
  ends.add(async () => rmSync(folder, { recursive: true, force: true }));
  const timed = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const begun = Date.now();
    const result = await work;
    say(`${what}: ${((Date.now() - begun) / 1000).toFixed(0)} s`);
    return result;
  };
  const lan = await makeLan(nodeCount);
  ends.add(lan.stop);
  const boot = async (number: number): Promise<ClusterNode> => {
    const node = await startNode({ number, lan, folder, programs, imageArchives });
    ends.add(node.stop);
    return node;
  };
  const numbers = Array.from({ length: nodeCount }, (_, i) => i + 1);
  // All at once, since they wait for each other nowhere; none is left behind when another fails.
  const [plane, ...machines] = await Promise.allSettled([
    timed("control plane", startPlane(folder, programs.kubernetes, ends)),
    ...numbers.map((number) => timed(`node ${number} booted, images imported`, boot(number))),
  ]);
  const controlPlane = succeeded(plane);
  const nodes = machines.map(succeeded);
  const api = connectApi(controlPlane);
  const cluster = { api, lan, controlPlane, nodes, programs, folder, network, proxyMode, settings, started: ends };
  const joined = async (node: ClusterNode): Promise<void> => {
    await joinCluster(node, controlPlane, programs, clusterDNS);
    await layReferencePlugins(node);
  };
  try {
    await timed("kubelets started", Promise.all(nodes.map(joined)));
    await timed("kube-proxy started, plugin and network installed by the chart, nodes Ready", setUpNetwork(cluster));
  } catch (error) {
    await tellLogs(cluster);
    throw error;
  }
  return cluster;
}

/**
 * The same cluster with its pods in another network, or with another kube-proxy: nothing of the scenarios before is left in it.
 * @param ends of this network: what scenarios start in it
 */
export async function inNetwork(
  cluster: Cluster,
  { network, proxyMode }: Pick<ClusterOptions, "network" | "proxyMode">,
  ends: Started,
): Promise<Cluster> {
  const other = { ...cluster, network, proxyMode, started: ends };
  if (network === cluster.network && proxyMode === cluster.proxyMode) return other;
  await clear(cluster.api);
  await setUpNetwork(other);
  return other;
}

async function setUpNetwork(cluster: Cluster): Promise<void> {
  const { api, controlPlane, nodes, programs, network, proxyMode } = cluster;
  const { clusterCIDRs, masqueradeAll } = network;
  for (const node of nodes) await routePodsOf(node, cluster);
  // Before the agents, which find the API by its Service.
  await Promise.all(
    nodes.map((node) => startProxy(node, controlPlane, programs, { mode: proxyMode, clusterCIDRs, masqueradeAll })),
  );
  await installChart(api, network);
  await networkIsUp(cluster);
}

/** To the node's podCIDRs, which are others when its Node was made anew. */
async function routePodsOf(node: ClusterNode, { api, lan, nodes }: Cluster): Promise<void> {
  const cidrs = await until(`${node.name} has podCIDRs`, 180, async () => {
    const { spec } = await api.get(`/api/v1/nodes/${node.name}`);
    return spec.podCIDRs as readonly string[] | undefined;
  });
  for (const cidr of cidrs) {
    lan.route(cidr, node.addresses);
    for (const other of nodes) if (other !== node) await other.route(cidr, node.addresses);
  }
}

async function startPlane(folder: string, programs: string, ends: Started): Promise<ControlPlane> {
  const etcd: Etcd = await startEtcd();
  ends.add(etcd.stop);
  const controlPlane = await startControlPlane(
    {
      folder: join(folder, "control-plane"),
      programs,
      etcd: etcd.endpoints,
      address: router[0],
      port: 6443,
      serviceCIDRs,
      podCIDRs,
    },
    Array.from({ length: nodeCount }, (_, i) => nodeName(i + 1)),
  );
  ends.add(controlPlane.stop);
  return controlPlane;
}

function succeeded<T>(result: PromiseSettledResult<T> | undefined): T {
  if (result?.status === "fulfilled") return result.value;
  throw result?.reason;
}
