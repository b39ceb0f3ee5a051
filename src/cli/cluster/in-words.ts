import type { NetworkConfig } from "../../config/network-config.ts";
import { formatPrefix } from "../../ip/address.ts";
import { lockedClaims } from "../../ipam/cluster/claims.ts";

/** What this node has of a cluster's pool, by its own files: nobody is asked. Undefined for a network that is this node's alone. */
export function clusterJson({ name, ipam }: NetworkConfig): object | undefined {
  if (ipam.type !== "builtin" || ipam.cluster === undefined) return undefined;
  const { cluster, dataDir } = ipam;
  const claims = lockedClaims(dataDir, name);
  return {
    store: cluster.store.type,
    node: claims?.node ?? cluster.node ?? null,
    blockSize: { ipv4: cluster.blockSize[4], ipv6: cluster.blockSize[6] },
    blocks: (claims?.blocks ?? []).map(formatPrefix),
    names: Object.keys(claims?.names ?? {}),
    unreachedSince: claims?.failure?.since ?? null,
    failure: claims?.failure?.message ?? null,
  };
}

/** The same for people, in a few lines. */
export function clusterInWords({ name, ipam }: NetworkConfig): string[] {
  if (ipam.type !== "builtin" || ipam.cluster === undefined) return [];
  const { cluster, dataDir } = ipam;
  const claims = lockedClaims(dataDir, name);
  const node = claims?.node ?? cluster.node ?? "not known yet";
  const subnets = ipam.subnets.map(({ subnet }) => formatPrefix(subnet)).join(", ");
  const blocks = (claims?.blocks ?? []).map(formatPrefix).join(", ");
  return [
    `${subnets}, of all nodes; by ${cluster.store.type}, blocks of /${cluster.blockSize[4]} and /${cluster.blockSize[6]}`,
    `this node is ${node}, and has ${blocks === "" ? "no block yet: the first ADD claims one" : blocks}`,
    ...(claims?.failure === undefined
      ? []
      : [`the store is not reached since ${claims.failure.since}: ${claims.failure.message}`]),
  ];
}
