import { pathOf } from "../api.ts";
import { conditionOf } from "../conditions.ts";
import { within } from "../networks.ts";
import { pod, run } from "../pods.ts";
import type { Scenario } from "../scenario.ts";

export const nodesScenario: Scenario = {
  name: "nodes",
  async run({ api, nodes, network }, check) {
    for (const { name } of nodes) {
      await check(`${name} is Ready`, async () => {
        const node = await api.get(`/api/v1/nodes/${name}`);
        const { status, message } = conditionOf(node, "Ready");
        if (status !== "True") throw new Error(message);
        return undefined;
      });
    }
    for (const { name } of nodes) {
      await check(`a pod runs on ${name}, with an address of each family of its network`, async () => {
        const object = pod(`first-${name}`, { node: name });
        const [addresses = []] = await run(api, object);
        const { spec } = await api.get(`/api/v1/nodes/${name}`);
        const cidrs = network.hasPool ? network.clusterCIDRs : (spec.podCIDRs as string[]);
        if (within(cidrs, addresses).length !== 2) throw new Error(`${addresses} of ${cidrs}`);
        await api.delete(pathOf(object));
        return addresses.join(", ");
      });
    }
  },
};
