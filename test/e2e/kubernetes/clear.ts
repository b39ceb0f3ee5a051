/** Takes away what scenarios have made: of the cluster stays what every cluster has, and the agents. */
import { type Api, pathOf, until } from "./api.ts";
import { isAgent } from "./install.ts";

const namespaces = ["default", "kube-system"];
/** In the order in which they go: what makes pods before the pods. */
const kinds = ["apis/apps/v1/deployments", "apis/apps/v1/statefulsets", "apis/apps/v1/replicasets", "api/v1/services"];
const kept = "kubernetes";

/** Pods end in order, so that their addresses are given back; waits until the last one has. */
export async function clear(api: Api): Promise<void> {
  for (const namespace of namespaces) {
    for (const kind of kinds) {
      const [folder, plural] = kind.split(/\/(?=[^/]+$)/) as [string, string];
      const path = `/${folder}/namespaces/${namespace}/${plural}`;
      for (const { metadata } of await api.list(path)) {
        if (metadata.name !== kept) await api.delete(`${path}/${metadata.name}`);
      }
    }
  }
  await until("no pod is left", 300, async () => {
    const pods = (await api.list("/api/v1/pods")).filter((pod) => !isAgent(pod));
    for (const { metadata } of pods) {
      if (metadata.deletionTimestamp === undefined) {
        await api.delete(pathOf({ apiVersion: "v1", kind: "Pod", metadata }));
      }
    }
    if (pods.length === 0) return true;
    throw new Error(pods.map(({ metadata }) => metadata.name).join(", "));
  });
}
