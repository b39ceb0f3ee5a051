import { join } from "node:path";
import { newestPlugins } from "../../../machine/reference-plugins.ts";
import { pathOf } from "../api.ts";
import type { Cluster } from "../cluster.ts";
import { allReady, deployment, nothingLeaked, percentile, scale, startTimes } from "../deployments.ts";
import { untilFirst } from "../install.ts";
import type { ClusterNode } from "../nodes.ts";
import type { Scenario } from "../scenario.ts";

const count = 100;
const rounds = 3;
const seconds = 900;

/** Before the chart's file in the runtime's order. */
const referenceFile = "/etc/cni/net.d/05-reference.conflist";
const reference = "reference";

/** A Deployment scaled from none to many and back, and the same with the reference's ipvlan and host-local on the same nodes. */
export const scalingScenario: Scenario = {
  name: "scaling",
  async run(cluster, check) {
    const { nodes, network, programs } = cluster;
    await check(`${count} pods, from none and back, ${rounds} times: no address leaked, or two pods'`, () =>
      inRounds(cluster, "own"),
    );
    for (const node of nodes) await useReference(cluster, node);
    await check(`the same with the reference's ipvlan and host-local`, () => inRounds(cluster, reference));
    for (const node of nodes) {
      await node.host.ok(`rm ${referenceFile}`);
      await untilFirst(node, programs, network.name);
    }
  },
};

/** @returns how long pods took from when they had a node until they were Ready */
async function inRounds(cluster: Cluster, name: string): Promise<string> {
  const { api } = cluster;
  const object = deployment(`many-${name}`, 0);
  const times: number[] = [];
  await api.create(object);
  for (let round = 0; round < rounds; round++) {
    const over = new AbortController();
    const watched = startTimes(api, object, over.signal);
    await scale(api, object, count);
    await allReady(api, object, count, seconds);
    over.abort();
    times.push(...(await watched));
    await nothingLeaked(cluster, 60);
    await scale(api, object, 0);
    await allReady(api, object, 0, seconds);
  }
  await api.delete(pathOf(object));
  const of = (part: number) => `${percentile(times, part).toFixed(1)} s`;
  return `from scheduled to Ready: p50 ${of(0.5)}, p99 ${of(0.99)} (${times.length} pods)`;
}

/** Gives the pods of a node the reference plugin, with addresses of the node's podCIDRs. */
async function useReference({ api, programs }: Cluster, node: ClusterNode): Promise<void> {
  const plugins = newestPlugins();
  if ("missing" in plugins) throw new Error(plugins.missing);
  const { spec } = await api.get(`/api/v1/nodes/${node.name}`);
  // Behind those of the pods that are there: two networks do not know of each other.
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
    cp ${join(plugins.path, "host-local")} /opt/cni/bin/
    cp ${join(plugins.path, "ipvlan")} /opt/cni/bin/${reference}-ipvlan
    cat > ${referenceFile} <<'END'\n${JSON.stringify(list)}\nEND`,
  );
  await untilFirst(node, programs, reference);
}
