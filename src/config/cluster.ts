import { invalid } from "../cni/read.ts";
import type { Family } from "../ip/address.ts";
import { hostName } from "../system/host-name.ts";
import type { Cluster } from "./generated/network-configuration.types.ts";

/** A pool that several nodes give addresses from: each from blocks of its own, which it claims in a store. */
export interface ClusterConfig {
  readonly store: StoreConfig;
  /** Prefix length of a block. */
  readonly blockSize: Readonly<Record<Family, number>>;
  /** The node by which claims are known; undefined where the agent of the node's Kubernetes says it. */
  readonly node: string | undefined;
  /** After a boot, addresses are given before the store was asked whether the blocks are still this node's. */
  readonly trustAfterBoot: boolean;
}

export type StoreConfig = EtcdConfig | KubernetesConfig;

/** The API of Kubernetes as the store: by way of the agent on this node, or from outside of the cluster. */
export interface KubernetesConfig {
  readonly type: "kubernetes";
  /** A file in kubectl's format; undefined: the agent is asked. */
  readonly kubeconfig: string | undefined;
}

/** How an etcd is reached. Files are PEM. */
export interface EtcdConfig {
  readonly type: "etcd";
  /** Client URLs. */
  readonly endpoints: readonly string[];
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Before all keys; no slash at its end. */
  readonly prefix: string;
}

/** @param hasSubnets the pool's addresses are configured: nodes could not choose a common default pool */
export function parseCluster(raw: Cluster | undefined, hasSubnets: boolean): ClusterConfig | undefined {
  if (raw === undefined) return undefined;
  const pointer = "/ipam/cluster";
  if (!hasSubnets) throw invalid(pointer, "needs the cluster's subnets in ipam.subnets");
  const store = parseStore(raw, pointer);
  const node = raw.node ?? (isAgents(store) ? undefined : hostName());
  if (node === "") throw invalid(`${pointer}/node`, "is missing, and this host has no name");
  return {
    store,
    blockSize: { 4: raw.blockSize?.ipv4 ?? 26, 6: raw.blockSize?.ipv6 ?? 122 },
    node,
    trustAfterBoot: raw.trustAfterBoot ?? false,
  };
}

/** Whether the agent of the node is asked, and no program that is started for it. */
export function isAgents(store: StoreConfig): boolean {
  return store.type === "kubernetes" && store.kubeconfig === undefined;
}

function parseStore({ etcd, kubernetes }: Cluster, pointer: string): StoreConfig {
  if (etcd !== undefined && kubernetes !== undefined) {
    throw invalid(`${pointer}/kubernetes`, "is a second store beside etcd: name one of the two");
  }
  if (kubernetes !== undefined) return { type: "kubernetes", kubeconfig: kubernetes.kubeconfig };
  if (etcd === undefined) throw invalid(pointer, "names no store: etcd or kubernetes");
  return parseEtcd(etcd, pointer);
}

function parseEtcd(
  { endpoints, caFile, certFile, keyFile, prefix = "/ipvlan-cni" }: NonNullable<Cluster["etcd"]>,
  pointer: string,
): EtcdConfig {
  const [given, missing] = certFile === undefined ? ["keyFile", "certFile"] : ["certFile", "keyFile"];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw invalid(`${pointer}/etcd/${given}`, `is of no use without ${missing}: name both, or none`);
  }
  const plain = endpoints.find((endpoint) => endpoint.startsWith("http:"));
  if (plain !== undefined && (caFile ?? certFile) !== undefined) {
    throw invalid(`${pointer}/etcd/endpoints`, `has ${plain}, to which no certificate matters: write https`);
  }
  return {
    type: "etcd",
    endpoints: endpoints.map((endpoint) => endpoint.replace(/\/$/, "")),
    caFile,
    certFile,
    keyFile,
    prefix: prefix.replace(/\/+$/, ""),
  };
}
