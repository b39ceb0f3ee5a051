import type { KubernetesObject } from "../api.ts";
import type { Cluster } from "../cluster.ts";
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
      // What it has reserved is on its disk then, with pods that will be no more.
      [
        "the node is reset",
        second,
        async () => {
          await second.host.ok("sync");
          await second.reset();
        },
      ],
      ["the kubelet is killed", first, () => again(first, "kubelet")],
      ["containerd is killed", first, () => again(first, "containerd")],
    ];
    for (const [i, [title, node, happens]] of events.entries()) {
      await check(`${title} in the middle of ADDs: all pods run again, and nothing is held by nobody`, async () => {
        const object = deployment(`recovering-${i}`, count, { nodeSelector: { "kubernetes.io/hostname": node.name } });
        await api.create(object);
        await someAreAdded(node);
        await happens();
        const then = await reservedOn(node);
        await nodeReady(api, node.name);
        await allReady(api, object, count, 600);
        const addresses = await nothingLeaked(cluster, 300);
        const now = await reservedOn(node);
        const givenBack = then.filter((address) => !now.includes(address));
        await gone(cluster, object);
        return `${count} pods; of ${then.length} addresses reserved when it happened ${givenBack.length} were given back; now ${addresses} are reserved by both nodes, each by a pod`;
      });
    }
  },
};

async function again(node: ClusterNode, daemon: string): Promise<void> {
  await node.kill(daemon);
  await node.resume(daemon);
}

/** Some pods have addresses, and others are to get theirs. */
async function someAreAdded({ host }: ClusterNode): Promise<void> {
  await host.ok(
    `count() { find /var/lib/cni/networks -type f -name '*.*.*.*' | wc -l; }
    before=$(count); until [ $(count) -gt $((before + 2)) ]; do sleep 0.1; done`,
    { timeoutMs: 120_000 },
  );
}

async function gone({ api }: Cluster, object: KubernetesObject): Promise<void> {
  await api.delete(`/apis/apps/v1/namespaces/default/deployments/${object.metadata.name}`);
  await allReady(api, object, 0, 300);
}
