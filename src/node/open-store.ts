import type { StoreAccess } from "../cluster/protocol.ts";
import { type ClaimStore, Refused } from "./claim-store.ts";
import { openEtcd } from "./etcd.ts";

/** The store that a request names, for a program that is started for it. */
export async function openStore({ store, timeoutMs }: StoreAccess): Promise<ClaimStore> {
  if (store.type === "etcd") return openEtcd(store, timeoutMs);
  if (store.kubeconfig === undefined) throw new Refused("the agent is asked without a kubeconfig");
  // Loaded for those who need it.
  const [{ accessFromKubeconfig }, { KubernetesApi }, { openKubernetes }] = await Promise.all([
    import("./kubernetes/kubeconfig.ts"),
    import("./kubernetes/api.ts"),
    import("./kubernetes/claims.ts"),
  ]);
  return openKubernetes(new KubernetesApi(await accessFromKubeconfig(store.kubeconfig)), undefined, timeoutMs);
}
