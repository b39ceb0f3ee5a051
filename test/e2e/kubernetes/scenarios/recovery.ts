import type { KubernetesObject } from "../api.ts";
import type { Cluster } from "../cluster.ts";
import { type CniCall, firstAdds, recordCalls, recordedCalls, stopRecording } from "../cni-calls.ts";
import { nodeReady } from "../conditions.ts";
import { allReady, deployment, nothingLeaked, reservedOn } from "../deployments.ts";
import type { ClusterNode } from "../nodes.ts";
import type { Scenario } from "../scenario.ts";

/** Enough for ADDs to be under way whenever something ends. */
const count = 12;

export const recoveryScenario: Scenario = {
  name: "recovery",
  async run(cluster, check) {
    const { api, nodes } = cluster;
    const [first, second] = nodes as [ClusterNode, ClusterNode];
    const events: readonly [title: string, node: ClusterNode, happens: () => Promise<void>][] = [
      ["the node is reset", second, () => second.reset()],
      ["the kubelet is killed", first, () => again(first, "kubelet")],
      ["containerd is killed", first, () => again(first, "containerd")],
    ];
    for (const [i, [title, node, happens]] of events.entries()) {
      await check(`${title} in the middle of ADDs: all pods run again, and nothing is held by nobody`, async () => {
        const object = deployment(`recovering-${i}`, count, { nodeSelector: { "kubernetes.io/hostname": node.name } });
        await recordCalls(node);
        await api.create(object);
        const added = await firstAdds(node);
        await happens();
        const then = await reservedOn(node);
        await nodeReady(api, node.name);
        await allReady(api, object, count, 600);
        const addresses = await nothingLeaked(cluster, 300);
        const now = await reservedOn(node);
        const givenBack = then.filter((address) => !now.includes(address));
        const calls = tellCalls(await recordedCalls(node));
        await gone(cluster, object);
        await stopRecording(node);
        return [
          `${added} of ${count} pods were added`,
          `of ${then.length} addresses reserved then ${givenBack.length} were given back`,
          `now ${addresses} are reserved by both nodes, each by a pod`,
          `calls since: ${calls}`,
        ].join("; ");
      });
    }
  },
};

/** What the runtime asked of the plugin, in words. */
function tellCalls(calls: readonly CniCall[]): string {
  const first = calls.find(({ command }) => command === "ADD");
  if (first === undefined || !calls.some(({ command }) => command === "STATUS")) {
    throw new Error(`the runtime has made no ADD, or no STATUS: ${JSON.stringify(calls)}`);
  }
  const byKind = Map.groupBy(calls, ({ command, exitCode }) => (exitCode === 0 ? command : `${command} refused`));
  const counts = [...byKind].map(([kind, { length }]) => `${length} ${kind}`);
  return `${counts.join(", ")}, and the first ADD found ${first.reservedBefore} addresses reserved and left ${first.reservedBehind}`;
}

async function again(node: ClusterNode, daemon: string): Promise<void> {
  await node.kill(daemon);
  await node.resume(daemon);
}

async function gone({ api }: Cluster, object: KubernetesObject): Promise<void> {
  await api.delete(`/apis/apps/v1/namespaces/default/deployments/${object.metadata.name}`);
  await allReady(api, object, 0, 300);
}
