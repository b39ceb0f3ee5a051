/** A whole cluster: the LAN, the control plane and the nodes, brought up and ended together. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Etcd, startEtcd } from "../../cluster/lib/etcd.ts";
import { type Api, connectApi, type KubernetesObject, until } from "./api.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { installPlugin, type NetworkOptions } from "./install.ts";
import { type Lan, makeLan, router } from "./lan.ts";
import { type ClusterNode, nodeName, type ProxyMode, startNode } from "./nodes.ts";
import type { ProgramSet } from "./programs.ts";

export interface ClusterOptions {
  readonly programs: Record<ProgramSet, string>;
  readonly imageArchive: string;
  readonly mode: NetworkOptions["mode"];
  readonly proxyMode: ProxyMode;
  readonly say: (line: string) => void;
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
  readonly started: Started;
}

export const podCIDRs = ["10.244.0.0/16", "fd44::/56"] as const;
export const serviceCIDRs = ["10.96.0.0/16", "fd96::/112"] as const;
export const clusterDNS = "10.96.0.10";
const nodeCount = 2;

/** Starts all of it; the plugin is installed, and both Nodes are Ready. What `ends` has then, or after a failure, is the caller's to end. */
export async function startCluster(options: ClusterOptions, ends: Started): Promise<Cluster> {
  const { programs, imageArchive, mode, proxyMode, say } = options;
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
    const node = await startNode({ number, lan, folder, programs, imageArchive });
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
  const joined = async (node: ClusterNode): Promise<void> => {
    await node.join(controlPlane, { proxyMode, podCIDRs, clusterDNS });
    const cidrs = await until(`${node.name} has podCIDRs`, 180, async () => {
      const { spec } = await api.get(`/api/v1/nodes/${node.name}`);
      return spec.podCIDRs as readonly string[] | undefined;
    });
    for (const cidr of cidrs) {
      lan.route(cidr, node.addresses);
      for (const other of nodes) if (other !== node) await other.route(cidr, node.addresses);
    }
    await installPlugin(node, { mode, podCIDRs: cidrs, serviceCIDRs });
  };
  await timed("kubelets registered, networks written", Promise.all(nodes.map(joined)));
  await timed("nodes Ready", Promise.all(nodes.map(({ name }) => nodeReady(api, name))));
  return { api, lan, controlPlane, nodes, programs, folder, started: ends };
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

export const conditionOf = ({ status }: KubernetesObject, type: string): { status: string; message?: string } =>
  status?.conditions?.find((one: { type: string }) => one.type === type) ?? { status: "Unknown" };

async function nodeReady(api: Api, name: string): Promise<void> {
  await until(`Node ${name} is Ready`, 300, async () => {
    const { status, message } = conditionOf(await api.get(`/api/v1/nodes/${name}`), "Ready");
    if (status === "True") return true;
    throw new Error(message ?? "no condition yet");
  });
}
