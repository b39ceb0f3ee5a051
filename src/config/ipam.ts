import { isPluginName } from "../cni/names.ts";
import { invalid } from "../cni/read.ts";
import type { CniVersion } from "../cni/versions.ts";
import { parseCluster } from "./cluster.ts";
import { defaultDataDir } from "./data-dir.ts";
import { deviceRoutesTo } from "./gateways.ts";
import type { Cluster, NetworkConfiguration } from "./generated/network-configuration.types.ts";
import { type HostLocalJson, parseHostLocal } from "./host-local.ts";
import { parseIpRanges } from "./ip-ranges.ts";
import type { IpamConfig, RequestedAddress } from "./network-config.ts";
import { parseRequested, refuseSeveralOfAFamily } from "./requested.ts";
import { parseRoutes, type RouteJson } from "./routes.ts";
import { parseStatic, type StaticJson } from "./static.ts";
import { parseSubnets, type SubnetJson } from "./subnets.ts";

/** `ipam` without `type`, as the schema has checked it. */
interface BuiltinJson {
  readonly subnets?: readonly SubnetJson[];
  readonly ipv4?: boolean;
  readonly routes?: readonly RouteJson[];
  readonly cluster?: Cluster;
  readonly sticky?: boolean;
  readonly dataDir?: string;
}

export interface Ipam {
  readonly ipam: IpamConfig;
  readonly requested: readonly RequestedAddress[];
}

/** What the rest of a configuration says about its IPAM. */
export interface IpamSurroundings {
  readonly version: CniVersion;
  readonly cniArgs: string;
  /** The plugin before this one in the chain has given addresses. */
  readonly hasPreviousIps: boolean;
  /** The network is neither routed (l3, l3s) nor isolated. */
  readonly hasGateways: boolean;
}

/**
 * Where addresses come from, and which are asked for. What a delegated plugin gets is its own business: it reads the same
 * configuration and CNI_ARGS.
 */
export function parseIpam(
  raw: NetworkConfiguration,
  { version, cniArgs, hasPreviousIps, hasGateways }: IpamSurroundings,
  warnings: string[],
): Ipam {
  const ipam = raw.ipam ?? {};
  const { type } = ipam;
  if (type === undefined && Object.keys(ipam).length === 0 && hasPreviousIps) {
    return { ipam: { type: "previous" }, requested: [] };
  }
  if (type === undefined) {
    const requested = parseRequested(raw, cniArgs);
    refuseSeveralOfAFamily(requested);
    return { ipam: parseBuiltin(ipam as BuiltinJson, raw, hasGateways, warnings), requested };
  }
  if (type === "host-local") {
    const requested = parseRequested(raw, cniArgs);
    return { ipam: parseHostLocal(ipam as HostLocalJson, raw, version, warnings), requested };
  }
  if (type === "static") {
    return { ipam: parseStatic(ipam as StaticJson, raw, cniArgs, version, warnings), requested: [] };
  }
  if (!isPluginName(type))
    throw invalid("/ipam/type", `${JSON.stringify(type)} must be the name of a program, not a path`);
  return { ipam: { type: "delegate", plugin: type }, requested: [] };
}

function parseBuiltin(
  ipam: BuiltinJson,
  raw: NetworkConfiguration,
  hasGateways: boolean,
  warnings: string[],
): IpamConfig {
  const routes = parseRoutes(ipam.routes, warnings);
  const rules = { hasGateways, isReached: deviceRoutesTo(routes) };
  const configured = parseSubnets(ipam.subnets ?? [], "/ipam/subnets", rules);
  const subnets = [...parseIpRanges(raw.runtimeConfig?.ipRanges ?? [], configured, rules), ...configured];
  const hasV4 = subnets.some(({ subnet }) => subnet.address.family === 4);
  if (ipam.ipv4 === false && hasV4) throw invalid("/ipam/ipv4", "is false, and there is an IPv4 subnet: leave one out");
  if (ipam.ipv4 === false && subnets.length === 0) {
    throw invalid("/ipam/ipv4", "is false, and there is no IPv6 subnet: a container would get no address");
  }
  const dataDir = ipam.dataDir ?? defaultDataDir;
  if (!dataDir.startsWith("/")) throw invalid("/ipam/dataDir", `${JSON.stringify(dataDir)} must be an absolute path`);
  const defaultPool = !hasV4 && ipam.ipv4 !== false;
  const cluster = parseCluster(ipam.cluster, !defaultPool);
  return { type: "builtin", subnets, defaultPool, hasGateways, routes, dataDir, cluster, sticky: ipam.sticky ?? false };
}
