/** A Deployment of many small pods, and what the nodes have reserved for them. */
import { type Api, type KubernetesObject, pathOf, until } from "./api.ts";
import type { Cluster } from "./cluster.ts";
import { listReserved } from "./cni-calls.ts";
import { conditionOf } from "./conditions.ts";
import { images } from "./images.ts";
import type { ClusterNode } from "./nodes.ts";

/** Pods that sleep: what they cost is their start and their end. */
export function deployment(name: string, replicas: number, more: object = {}): KubernetesObject {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          automountServiceAccountToken: false,
          containers: [{ name: "main", image: images.pause, imagePullPolicy: "Never" }],
          ...more,
        },
      },
    },
  };
}

const podsOf = (api: Api, { metadata }: KubernetesObject): Promise<readonly KubernetesObject[]> =>
  api.list(`/api/v1/namespaces/default/pods?labelSelector=app%3D${metadata.name}`);

export const scale = (api: Api, object: KubernetesObject, replicas: number): Promise<void> =>
  api.change(pathOf(object), { spec: { replicas } });

/** Waits until there are so many pods, all of them Ready, and no others. @returns them */
export function allReady(
  api: Api,
  object: KubernetesObject,
  count: number,
  seconds: number,
): Promise<readonly KubernetesObject[]> {
  return until(`${count} pods of ${object.metadata.name} are Ready, and no others are there`, seconds, async () => {
    const pods = await podsOf(api, object);
    const ready = pods.filter((pod) => conditionOf(pod, "Ready").status === "True");
    if (pods.length === count && ready.length === count) return pods;
    throw new Error(`${ready.length} of ${pods.length}`);
  });
}

export interface StartTime {
  readonly node: string;
  readonly seconds: number;
}

/** From when a pod has a node until it is Ready, of all that become so before the signal, by this machine's clock. */
export async function startTimes(api: Api, { metadata }: KubernetesObject, signal: AbortSignal): Promise<StartTime[]> {
  const scheduled = new Map<string, number>();
  const times = new Map<string, StartTime>();
  const path = `/api/v1/namespaces/default/pods?labelSelector=app%3D${metadata.name}`;
  await api.watch(path, signal, (_type, pod) => {
    const { name } = pod.metadata;
    const now = performance.now();
    if (pod.spec?.nodeName === undefined) return;
    const since = scheduled.get(name) ?? now;
    scheduled.set(name, since);
    if (!times.has(name) && conditionOf(pod, "Ready").status === "True") {
      times.set(name, { node: pod.spec.nodeName, seconds: (now - since) / 1000 });
    }
  });
  return [...times.values()];
}

/** @param part 0.5 for the median */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(part * sorted.length) - 1] ?? Number.NaN;
}

/** The addresses that the pods of the cluster have on a node, those in its own network apart. */
async function addressesOn(api: Api, node: string): Promise<string[]> {
  const pods = await api.list(`/api/v1/pods?fieldSelector=spec.nodeName%3D${node}`);
  const own = pods.filter(({ spec, status }) => !spec.hostNetwork && !["Succeeded", "Failed"].includes(status.phase));
  return own.flatMap(({ status }) => (status.podIPs ?? []).map(({ ip }: { ip: string }) => ip));
}

/** What a node has reserved in all its networks: the names of the allocators' files, one an address. */
export async function reservedOn({ host }: ClusterNode): Promise<string[]> {
  return (await host.ok(`${listReserved} || true`)).split("\n").filter((name) => name !== "");
}

/**
 * Waits until every node has reserved what its pods have, and nothing else; no address is two pods'.
 * @returns how many addresses
 */
export function nothingLeaked({ api, nodes }: Cluster, seconds: number): Promise<number> {
  return until("each node has reserved its pods' addresses, and no others", seconds, async () => {
    const seen = new Set<string>();
    for (const node of nodes) {
      const [reserved, used] = [await reservedOn(node), await addressesOn(api, node.name)];
      const kept = reserved.find((address) => !used.includes(address));
      if (kept !== undefined) throw new Error(`${node.name}: ${kept} is reserved, and no pod's`);
      const lost = used.find((address) => !reserved.includes(address));
      if (lost !== undefined) throw new Error(`${node.name}: ${lost} is a pod's, and not reserved`);
      for (const address of used) {
        if (seen.has(address)) throw new Error(`${address} is two pods'`);
        seen.add(address);
      }
    }
    return seen.size;
  });
}
