import { pathOf } from "../api.ts";
import type { Cluster } from "../cluster.ts";
import { allReady, deployment, nothingLeaked, percentile, type StartTime, scale, startTimes } from "../deployments.ts";
import { referencePlugin, untilFirst } from "../install.ts";
import type { ClusterNode } from "../nodes.ts";
import type { Scenario } from "../scenario.ts";

const count = 100;
const rounds = 3;
const seconds = 900;

/** Before the chart's file in the runtime's order. */
const referenceFile = "/etc/cni/net.d/05-reference.conflist";
const reference = "reference";

/**
 * A Deployment scaled from none to many and back. One node's pods have the network of the chart, the other's the reference's ipvlan with
 * host-local, so that both have the same to do at the same time.
 */
export const scalingScenario: Scenario = {
  name: "scaling",
  async run(cluster, check) {
    const { api, nodes } = cluster;
    const [own, other] = nodes as [ClusterNode, ClusterNode];
    const object = deployment("many", 0);
    const times: StartTime[] = [];
    await useReference(cluster, other);
    await api.create(object);
    for (let round = 1; round <= rounds; round++) {
      await check(`round ${round}: ${count} pods from none and back, no address leaked, or two pods'`, async () => {
        const over = new AbortController();
        const watched = startTimes(api, object, over.signal);
        await scale(api, object, count);
        await allReady(api, object, count, seconds);
        over.abort();
        times.push(...(await watched));
        const addresses = await nothingLeaked(cluster, 60);
        await scale(api, object, 0);
        await allReady(api, object, 0, seconds);
        const left = await nothingLeaked(cluster, 60);
        return `${addresses} addresses, then ${left}`;
      });
    }
    for (const [title, { name }] of [
      ["ipvlan-cni", own],
      ["the reference's ipvlan and host-local", other],
    ] as const) {
      await check(`from scheduled to Ready with ${title}, in all rounds`, async () => {
        const those = times.filter(({ node }) => node === name).map(({ seconds }) => seconds);
        if (those.length === 0) throw new Error(`no pod of ${name} became Ready`);
        const of = (part: number) => `${percentile(those, part).toFixed(1)} s`;
        return `p50 ${of(0.5)}, p99 ${of(0.99)} (${those.length} pods on ${name})`;
      });
    }
    await api.delete(pathOf(object));
  },
};

/** Gives the pods of a node the reference plugin, with addresses of the node's podCIDRs. */
async function useReference({ api, programs }: Cluster, node: ClusterNode): Promise<void> {
  const { spec } = await api.get(`/api/v1/nodes/${node.name}`);
  // Behind those that the chart's network has given to pods before: two networks do not know of each other.
  const ranges = (spec.podCIDRs as string[]).map((subnet) => [
    { subnet, rangeStart: subnet.replace(/0?\/\d+$/, "100") },
  ]);
  const list = {
    cniVersion: "1.0.0",
    name: reference,
    plugins: [
      {
        type: `${reference}-ipvlan`,
        master: "eth0",
        mode: "l3s",
        ipam: { type: "host-local", ranges, routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] },
      },
    ],
  };
  await node.host.ok(
    `set -e
    cp ${referencePlugin("host-local")} /opt/cni/bin/
    cp ${referencePlugin("ipvlan")} /opt/cni/bin/${reference}-ipvlan
    cat > ${referenceFile} <<'END'\n${JSON.stringify(list)}\nEND`,
  );
  await untilFirst(node, programs, reference);
}
