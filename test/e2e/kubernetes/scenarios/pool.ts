import { type Api, type KubernetesObject, pathOf, until } from "../api.ts";
import { nodeReady } from "../conditions.ts";
import { allReady, deployment, nothingLeaked } from "../deployments.ts";
import { killAgent } from "../install.ts";
import type { ClusterNode } from "../nodes.ts";
import { pod, run } from "../pods.ts";
import type { Scenario } from "../scenario.ts";

/** More than one block of IPv4 addresses a node. */
const count = 40;

export const poolScenario: Scenario = {
  name: "pool",
  async run(cluster, check) {
    const { api, nodes } = cluster;
    const leaves = nodes.at(-1) as ClusterNode;
    const object = deployment("many", count);
    await check(`${count} pods: blocks are claimed as they are needed, and no address is two pods'`, async () => {
      await api.create(object);
      await allReady(api, object, count, 600);
      const addresses = await nothingLeaked(cluster, 60);
      const blocks = await blocksOf(api);
      for (const { name } of nodes) {
        if (!blocks.some(({ spec }) => spec.node === name)) throw new Error(`${name} has no block`);
      }
      return `${addresses} addresses from ${blocks.length} blocks`;
    });
    await check("ipvlanclaims say how many addresses of each block are used", async () => {
      const wanted = await nothingLeaked(cluster, 60);
      // Where the API did not answer in time, which a busy machine sees, an agent tells it again after five minutes.
      await until("the agents have told it", 330, async () => {
        const blocks = await blocksOf(api);
        const used = blocks.reduce((sum, { status }) => sum + (status?.used ?? 0), 0);
        if (used === wanted) return true;
        throw new Error(`${used} used, and ${wanted} are pods'`);
      });
      return undefined;
    });
    await api.delete(pathOf(object));
    await allReady(api, object, 0, 300);
    await check(`the Node ${leaves.name} is deleted: its blocks are free`, async () => {
      const before = (await blocksOf(api)).filter(({ spec }) => spec.node === leaves.name).length;
      if (before === 0) throw new Error("it had none");
      await leaves.kill("kubelet");
      await killAgent(leaves);
      await api.delete(`/api/v1/nodes/${leaves.name}`);
      await until("its blocks are gone", 120, async () => {
        const left = (await blocksOf(api)).filter(({ spec }) => spec.node === leaves.name);
        if (left.length === 0) return true;
        throw new Error(left.map(({ metadata }) => metadata.name).join(", "));
      });
      return `${before} blocks`;
    });
    await check(`${leaves.name} comes back, and its pods have addresses of the pool`, async () => {
      await leaves.resume("kubelet");
      await nodeReady(api, leaves.name);
      const object = pod("again", { node: leaves.name });
      const [addresses = []] = await run(api, object);
      await api.delete(pathOf(object));
      return addresses.join(", ");
    });
  },
};

const blocksOf = (api: Api): Promise<readonly KubernetesObject[]> =>
  api.list("/apis/ipvlan-cni.io/v1/ipvlanclaims?labelSelector=ipvlan-cni.io/collection%3Dblocks");
