import { until } from "../api.ts";
import { allReady, deployment, nothingLeaked, reservedOn } from "../deployments.ts";
import type { Scenario } from "../scenario.ts";

const count = 8;

export const drainScenario: Scenario = {
  name: "drain",
  async run(cluster, check) {
    const { api, nodes } = cluster;
    const [stays, leaves] = nodes as [(typeof nodes)[number], (typeof nodes)[number]];
    const object = deployment("moving", count);
    const nodePath = `/api/v1/nodes/${leaves.name}`;
    await api.create(object);
    await allReady(api, object, count, 300);
    await check(
      `${leaves.name} is drained: its pods run on ${stays.name}, and it has no address reserved`,
      async () => {
        await api.change(nodePath, { spec: { unschedulable: true } });
        for (const { metadata, spec } of await api.list(`/api/v1/pods?fieldSelector=spec.nodeName%3D${leaves.name}`)) {
          if (!spec.hostNetwork) await api.evict(metadata.namespace as string, metadata.name);
        }
        const pods = await allReady(api, object, count, 300);
        const strayed = pods.filter(({ spec }) => spec.nodeName !== stays.name);
        if (strayed.length > 0) throw new Error(`${strayed.length} are on ${leaves.name}`);
        await until(`${leaves.name} has nothing reserved`, 120, async () => {
          const reserved = await reservedOn(leaves);
          if (reserved.length === 0) return true;
          throw new Error(reserved.join(", "));
        });
        return `${await nothingLeaked(cluster, 120)} addresses on ${stays.name}`;
      },
    );
    await api.change(nodePath, { spec: { unschedulable: null } });
    await api.delete("/apis/apps/v1/namespaces/default/deployments/moving");
    await allReady(api, object, 0, 300);
  },
};
