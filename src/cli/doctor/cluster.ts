import type { ClusterConfig } from "../../config/cluster.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import { localUse } from "../cluster/local-use.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** Pools of a cluster: whether the store was reached, and whether what containers hold is still this node's. Asks nobody. */
export function checkCluster({ networks }: Patient): HostFinding[] {
  return networks.flatMap(({ config }) => {
    const { ipam } = config;
    return ipam.type === "builtin" && ipam.cluster !== undefined ? checkPool(config, ipam, ipam.cluster) : [];
  });
}

function checkPool(
  { name }: NetworkConfig,
  { dataDir, subnets }: Extract<NetworkConfig["ipam"], { type: "builtin" }>,
  cluster: ClusterConfig,
): HostFinding[] {
  const place = `network ${name}`;
  const { held, capacity, strange, unreachedSince, failure, node } = localUse({
    dataDir,
    network: name,
    subnets,
    cluster,
  });
  const findings: HostFinding[] = [];
  if (unreachedSince !== undefined) {
    findings.push({
      id: "cluster-store-away",
      severity: BigInt(held) >= capacity ? "error" : "warning",
      place,
      message:
        `the cluster's store is not reached since ${unreachedSince} (${failure}), and ${held} of the ${capacity} addresses of this ` +
        "node's blocks are held: when they are full no container starts",
      mend: `ipvlan cluster sync ${name}`,
    });
  }
  if (strange.length > 0) {
    findings.push({
      id: "cluster-address-lost",
      severity: "error",
      place,
      message:
        `${strange.slice(0, 5).join(", ")}${strange.length > 5 ? ` and ${strange.length - 5} more` : ""}: held by containers of this ` +
        `node, and not the node ${node}'s any more: another node may give them out, so these containers must be attached again`,
    });
  }
  return findings;
}
