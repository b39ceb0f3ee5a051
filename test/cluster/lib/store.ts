// A store of claims as the tests see it, whatever it is.
import { join } from "node:path";
import { startEtcd } from "./etcd.ts";
import { type StandIn, startStandIn } from "./kubernetes-stand-in.ts";

export interface TestStore {
  /** How `ipam.cluster` names it. */
  readonly access: object;
  /** What is under each key. */
  contents(): Promise<Map<string, string>>;
  put(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
  /** It is there and answers nobody, until it goes on. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** One member of etcd. */
export async function etcdStore(): Promise<TestStore> {
  const etcd = await startEtcd();
  const prefix = "/ipvlan-cni/";
  const gateway = async (path: string, body: object): Promise<void> => {
    await fetch(`${etcd.endpoints[0]}/v3/kv/${path}`, { method: "POST", body: JSON.stringify(body) });
  };
  return {
    access: { etcd: { endpoints: etcd.endpoints } },
    async contents() {
      const all = [...(await etcd.contents())].filter(([key]) => key.startsWith(prefix));
      return new Map(all.map(([key, value]) => [key.slice(prefix.length), value]));
    },
    put: (key, value) => gateway("put", { key: btoa(prefix + key), value: btoa(value) }),
    remove: (key) => gateway("deleterange", { key: btoa(prefix + key) }),
    pause: () => etcd.pause(0),
    resume: () => etcd.resume(0),
    stop: etcd.stop,
  };
}

/** What speaks as much of Kubernetes' API as claims need, see kubernetes-stand-in.ts. */
export async function standInStore(folder: string): Promise<{ store: TestStore; api: StandIn }> {
  const api = await startStandIn(join(folder, "kubeconfig"));
  const store: TestStore = {
    access: { kubernetes: { kubeconfig: api.kubeconfig } },
    contents: async () => new Map(api.claims().map(({ key, value }) => [key, value])),
    put: async (key, value) => api.put(key, value),
    remove: async (key) => api.remove(key),
    pause: api.pause,
    resume: api.resume,
    stop: api.stop,
  };
  return { store, api };
}
