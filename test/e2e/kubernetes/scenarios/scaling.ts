import { type AddTimes, addTimes, since, total } from "../add-times.ts";
import { pathOf } from "../api.ts";
import type { Cluster } from "../cluster.ts";
import { allReady, deployment, nothingLeaked, percentile, scale, startTimes } from "../deployments.ts";
import { referencePlugin, untilFirst } from "../install.ts";
import type { ClusterNode } from "../nodes.ts";
import type { Scenario } from "../scenario.ts";

const count = 100;
/** An even number: the nodes are not equally fast, so each has each plugin in half of the rounds. */
const rounds = 4;
const seconds = 900;

/** Before the chart's file in the runtime's order. */
const referenceFile = "/etc/cni/net.d/05-reference.conflist";
const reference = "reference";

/** What the pods of one plugin were measured to take. */
interface Times {
  readonly title: string;
  /** Seconds from scheduled to Ready, a pod each. */
  readonly untilReady: number[];
  readonly adds: AddTimes[];
}

/**
 * A Deployment scaled from none to many and back. One node's pods have the network of the chart, the other's the reference's ipvlan with
 * host-local, so that both have the same to do at the same time; the nodes change places in each round.
 */
export const scalingScenario: Scenario = {
  name: "scaling",
  async run(cluster, check) {
    const { api, nodes } = cluster;
    const [first, second] = nodes as [ClusterNode, ClusterNode];
    const object = deployment("many", 0);
    const own: Times = { title: "ipvlan-cni", untilReady: [], adds: [] };
    const other: Times = { title: "the reference's ipvlan and host-local", untilReady: [], adds: [] };
    await api.create(object);
    for (let round = 1; round <= rounds; round++) {
      const sides = (round % 2 === 1 ? [first, second] : [second, first]) as [ClusterNode, ClusterNode];
      await check(`round ${round}: ${count} pods from none and back, no address leaked, or two pods'`, async () => {
        await useChart(cluster, sides[0]);
        await useReference(cluster, sides[1]);
        const before = await Promise.all(sides.map(addTimes));
        const over = new AbortController();
        const watched = startTimes(api, object, over.signal);
        await scale(api, object, count);
        await allReady(api, object, count, seconds);
        over.abort();
        const started = await watched;
        for (const [i, times] of [own, other].entries()) {
          const node = sides[i] as ClusterNode;
          times.untilReady.push(
            ...started.filter(({ node: name }) => name === node.name).map(({ seconds }) => seconds),
          );
          times.adds.push(since(before[i] as AddTimes, await addTimes(node)));
        }
        const addresses = await nothingLeaked(cluster, 60);
        await scale(api, object, 0);
        await allReady(api, object, 0, seconds);
        const left = await nothingLeaked(cluster, 60);
        return `${addresses} addresses, then ${left}; ${sides[0].name} with ipvlan-cni`;
      });
    }
    for (const { title, untilReady, adds } of [own, other]) {
      await check(`from scheduled to Ready with ${title}, in all rounds`, async () => {
        if (untilReady.length === 0) throw new Error("no pod became Ready");
        const of = (part: number) => `${percentile(untilReady, part).toFixed(1)} s`;
        const networks = total(adds);
        return `p50 ${of(0.5)}, p99 ${of(0.99)} (${untilReady.length} pods); of that ${(networks.sum / networks.count).toFixed(2)} s in the set-up of the network (containerd's mean of ${networks.count})`;
      });
    }
    await api.delete(pathOf(object));
  },
};

/** Gives the pods of a node the network of the chart. */
async function useChart({ programs, network }: Cluster, node: ClusterNode): Promise<void> {
  await node.host.ok(`rm -f ${referenceFile}`);
  await untilFirst(node, programs, network.name);
}

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
