import { type Api, until } from "../api.ts";
import { conditionOf } from "../conditions.ts";
import { agentPods, installChart, networkIsUp, uninstallChart } from "../install.ts";
import type { Network } from "../networks.ts";
import type { Scenario } from "../scenario.ts";

/** A link that no node has. */
const missing = "missing0";

/** In MB of 10^6 bytes. */
const mostMemory = 80;

/** The chart itself: what it costs, what a Node says of a network that does not work, and that nothing stays when it is gone. */
export const installationScenario: Scenario = {
  name: "installation",
  async run(cluster, check) {
    const { api, nodes, network } = cluster;
    const back = async () => {
      await installChart(api, network);
      await networkIsUp(cluster);
    };
    await check(`the agent takes less than ${mostMemory} MB on each node, as its kubelet counts`, async () => {
      const seen: string[] = [];
      for (const { name } of nodes) {
        const bytes = await until(`the kubelet of ${name} has counted`, 60, () => memoryOfAgent(api, name));
        seen.push(`${(bytes / 1e6).toFixed(0)} MB on ${name}`);
        if (bytes > mostMemory * 1e6) throw new Error(seen.join(", "));
      }
      return seen.join(", ");
    });
    await check(
      "a parent that is not there: each Node is not Ready, and its condition has the plugin's message",
      async () => {
        const broken: Network = { ...network, values: { ...network.values, parent: missing } };
        await installChart(api, broken);
        const messages = nodes.map(({ name }) => notReady(api, name, missing));
        return (await Promise.all(messages))[0];
      },
    );
    await check("with the network mended, each Node is Ready again", async () => {
      await back();
      return undefined;
    });
    await check(
      "the chart is uninstalled: plugin and network are gone from each node, which is not Ready",
      async () => {
        await uninstallChart(api, network);
        for (const { name, host } of nodes) {
          await until(`nothing of ours is left on ${name}`, 120, async () => {
            const { stdout } = await host.sh(
              "find /etc/cni/net.d /opt/cni/bin/ipvlan /run/ipvlan-cni ! -type d 2>/dev/null",
            );
            if (stdout === "") return true;
            throw new Error(stdout);
          });
          await notReady(api, name, "cni");
        }
        return undefined;
      },
    );
    await check("installed again, each Node is Ready", async () => {
      await back();
      return undefined;
    });
  },
};

/** Waits until a Node is not Ready for a reason that has this in it. @returns what it says */
function notReady(api: Api, name: string, part: string): Promise<string> {
  return until(`the Node ${name} is not Ready for ${part}`, 240, async () => {
    const { status, message = "" } = conditionOf(await api.get(`/api/v1/nodes/${name}`), "Ready");
    if (status === "False" && message.includes(part)) return message;
    throw new Error(`${status}: ${message}`);
  });
}

/** The working set of the agent's container, in bytes. */
async function memoryOfAgent(api: Api, node: string): Promise<number | undefined> {
  const [pod] = (await agentPods(api)).filter(({ spec }) => spec.nodeName === node);
  if (pod === undefined) return undefined;
  const { pods = [] } = await api.get(`/api/v1/nodes/${node}/proxy/stats/summary`);
  const own = pods.find(({ podRef }: { podRef: { name: string } }) => podRef.name === pod.metadata.name);
  return own?.containers?.[0]?.memory?.workingSetBytes;
}
