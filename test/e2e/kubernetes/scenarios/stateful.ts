import { type KubernetesObject, pathOf, until } from "../api.ts";
import { conditionOf } from "../conditions.ts";
import { allReady, deployment, nothingLeaked, scale } from "../deployments.ts";
import type { Scenario } from "../scenario.ts";

const count = 3;

/** The pods of a StatefulSet in a network with `ipam.sticky`: their addresses follow them. */
export const statefulScenario: Scenario = {
  name: "stateful",
  async run(cluster, check) {
    const { api } = cluster;
    const { spec, ...pods } = deployment("db", count);
    const object: KubernetesObject = {
      ...pods,
      kind: "StatefulSet",
      spec: { ...spec, serviceName: "db", podManagementPolicy: "Parallel" },
    };
    const podPath = "/api/v1/namespaces/default/pods/db-0";
    const had = new Map<string, string>();
    const same = (all: readonly KubernetesObject[]): string => {
      for (const pod of all) {
        const now = addressesOf(pod);
        if (had.get(pod.metadata.name) !== now)
          throw new Error(`${pod.metadata.name} had ${had.get(pod.metadata.name)}, and has ${now}`);
      }
      return all.map(({ metadata, spec }) => `${metadata.name} on ${spec.nodeName}`).join(", ");
    };
    await check(`${count} pods of a StatefulSet run`, async () => {
      await api.create(object);
      for (const pod of await allReady(api, object, count, 300)) had.set(pod.metadata.name, addressesOf(pod));
      return [...had].map(([name, addresses]) => `${name} ${addresses}`).join("; ");
    });
    await check("a pod that moves to the other node has its addresses there", async () => {
      const before = await api.get(podPath);
      const from = before.spec.nodeName as string;
      await api.change(`/api/v1/nodes/${from}`, { spec: { unschedulable: true } });
      try {
        await api.delete(podPath);
        const moved = await until("it is Ready on the other node", 300, async () => {
          const now = await api.get(podPath);
          if (now.metadata.uid !== before.metadata.uid && conditionOf(now, "Ready").status === "True") return now;
          throw new Error(now.status.phase);
        });
        if (moved.spec.nodeName === from) throw new Error(`it is on ${from} still`);
        return same([moved]);
      } finally {
        await api.change(`/api/v1/nodes/${from}`, { spec: { unschedulable: null } });
      }
    });
    await check(
      "scaled to none and back, the pods have their addresses, and others had none of them meanwhile",
      async () => {
        await scale(api, object, 0);
        await allReady(api, object, 0, 300);
        const others = deployment("others", 12);
        await api.create(others);
        for (const pod of await allReady(api, others, 12, 300)) {
          for (const [name, addresses] of had) {
            const taken = addressesOf(pod)
              .split(", ")
              .find((address) => addresses.split(", ").includes(address));
            if (taken !== undefined) throw new Error(`${pod.metadata.name} has ${taken} of ${name}`);
          }
        }
        await scale(api, object, count);
        const seen = same(await allReady(api, object, count, 300));
        await api.delete(pathOf(others));
        await allReady(api, others, 0, 300);
        return seen;
      },
    );
    await api.delete(pathOf(object));
    await allReady(api, object, 0, 300);
    await check("nothing is left on the nodes when they are gone", async () => {
      await nothingLeaked(cluster, 120);
      const names = await api.list(
        "/apis/ipvlan-cni.io/v1/ipvlanclaims?labelSelector=ipvlan-cni.io/collection%3Dnames",
      );
      return names.map(({ spec }) => `${spec.name} on ${spec.node ?? "no node"}`).join(", ");
    });
  },
};

const addressesOf = ({ status }: KubernetesObject): string =>
  (status.podIPs as { ip: string }[]).map(({ ip }) => ip).join(", ");
