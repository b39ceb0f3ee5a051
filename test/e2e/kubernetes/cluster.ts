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

export interface Cluster {
  readonly api: Api;
  readonly lan: Lan;
  readonly controlPlane: ControlPlane;
  readonly nodes: readonly ClusterNode[];
  readonly programs: Record<ProgramSet, string>;
  readonly folder: string;
  stop(): Promise<void>;
}

export const podCIDRs = ["10.244.0.0/16", "fd44::/56"] as const;
export const serviceCIDRs = ["10.96.0.0/16", "fd96::/112"] as const;
export const clusterDNS = "10.96.0.10";
const nodeCount = 2;

/** Starts all of it; the plugin is installed, and both Nodes are Ready. */
export async function startCluster({ programs, imageArchive, mode, proxyMode, say }: ClusterOptions): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-e2e-"));
  const numbers = Array.from({ length: nodeCount }, (_, i) => i + 1);
  const undo: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  const timed = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const started = Date.now();
    const result = await work;
    say(`${what}: ${((Date.now() - started) / 1000).toFixed(0)} s`);
    return result;
  };
  try {
    const lan = await makeLan(nodeCount);
    undo.push(lan.stop);
    // Both at once, since they wait for each other nowhere; what one has started is ended also when the other fails.
    const [plane, ...machines] = await Promise.allSettled([
      timed(
        "control plane",
        startPlane(folder, programs.kubernetes, (step) => undo.push(step)),
      ),
      ...numbers.map((number) =>
        timed(
          `node ${number} booted, images imported`,
          startNode({ number, lan, folder, programs, imageArchive }).then((node) => {
            undo.push(node.stop);
            return node;
          }),
        ),
      ),
    ]);
    const controlPlane = succeeded(plane);
    const nodes = machines.map(succeeded);
    const api = connectApi(controlPlane);
    await timed(
      "kubelets registered, networks written",
      Promise.all(
        nodes.map(async (node) => {
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
        }),
      ),
    );
    await timed("nodes Ready", Promise.all(nodes.map(({ name }) => nodeReady(api, name))));
    return { api, lan, controlPlane, nodes, programs, folder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startPlane(
  folder: string,
  programs: string,
  undo: (step: () => Promise<void>) => void,
): Promise<ControlPlane> {
  const etcd: Etcd = await startEtcd();
  undo(etcd.stop);
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
  undo(controlPlane.stop);
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
