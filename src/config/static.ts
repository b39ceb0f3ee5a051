import { parseCniArgs } from "../cni/args.ts";
import { invalid, optional, readAddress, readPrefix } from "../cni/read.ts";
import { type Dns, isEmptyDns } from "../cni/result.ts";
import { readDns } from "../cni/result-from-json.ts";
import { type CniVersion, isAtLeast } from "../cni/versions.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, contains, type Prefix, parseAddress, parsePrefix } from "../ip/address.ts";
import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";
import type { IpamConfig } from "./network-config.ts";
import { splitList } from "./requested.ts";
import { parseRoutes, type RouteJson } from "./routes.ts";

/** `ipam` of the type static, as the schema has checked it. */
export interface StaticJson {
  readonly addresses?: readonly { readonly address: string; readonly gateway?: string | null }[];
  readonly routes?: readonly RouteJson[];
  readonly dns?: Dns;
}

type StaticConfig = Extract<IpamConfig, { type: "static" }>;
type StaticAddress = StaticConfig["addresses"][number];

/**
 * As the reference plugin reads it (plugins, ipam/static/main.go): the addresses of CNI_ARGS are added to the configured
 * ones, `args.cni.ips` takes their place, and `runtimeConfig.ips` that of both. What is displaced must be valid, too,
 * but for the configured addresses.
 */
export function parseStatic(
  ipam: StaticJson,
  raw: NetworkConfiguration,
  cniArgs: string,
  version: CniVersion,
  warnings: string[],
): StaticConfig {
  const fromArguments = parseArguments(cniArgs);
  const fromArgs = listed(raw.args?.cni?.ips, "/args/cni/ips");
  const fromRuntime = listed(raw.runtimeConfig?.ips, "/runtimeConfig/ips");
  const addresses = fromRuntime ?? fromArgs ?? [...configured(ipam), ...fromArguments];
  if (!isAtLeast(version, "0.3.0")) refuseSeveral(addresses, version);
  const dns = readDns(ipam.dns, "/ipam/dns");
  return {
    type: "static",
    addresses,
    routes: parseRoutes(ipam.routes, warnings),
    dns: isEmptyDns(dns) ? undefined : dns,
  };
}

function configured(ipam: StaticJson): readonly StaticAddress[] {
  return (ipam.addresses ?? []).map((one, index) => {
    const pointer = `/ipam/addresses/${index}`;
    const address = readPrefix(one.address, `${pointer}/address`);
    const gateway = optional(one.gateway, `${pointer}/gateway`, readAddress);
    if (gateway !== undefined && gateway.family !== address.address.family) {
      throw invalid(`${pointer}/gateway`, `must be an IPv${address.address.family} address, as the address`);
    }
    return { address, gateway };
  });
}

/** undefined for an empty list, which Go writes as null: it replaces nothing. */
function listed(texts: readonly string[] | null | undefined, pointer: string): readonly StaticAddress[] | undefined {
  if (texts === undefined || texts === null || texts.length === 0) return undefined;
  return texts.map((text, index) => ({ address: readPrefix(text, `${pointer}/${index}`), gateway: undefined }));
}

/** The addresses of CNI_ARGS. A gateway there is that of the addresses there whose subnet holds it, as in the reference. */
function parseArguments(cniArgs: string): readonly StaticAddress[] {
  const values = parseCniArgs(cniArgs, ["IP", "GATEWAY"]);
  const gateways = splitList(values.get("GATEWAY")).map(readGateway);
  return splitList(values.get("IP")).map((text) => {
    const address = readArgument(text);
    return { address, gateway: gateways.findLast((one) => contains(address, one)) };
  });
}

function readArgument(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return prefix;
  throw new PluginError(
    ErrorCode.invalidEnvironment,
    `CNI_ARGS: IP=${text} must be ADDRESS/LENGTH for the static IPAM`,
  );
}

function readGateway(text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new PluginError(ErrorCode.invalidEnvironment, `CNI_ARGS: GATEWAY=${text} is no IP address`);
}

function refuseSeveral(addresses: readonly StaticAddress[], version: CniVersion): void {
  for (const family of [4, 6]) {
    if (addresses.filter(({ address }) => address.address.family === family).length <= 1) continue;
    throw invalid("/ipam/addresses", `has several IPv${family} addresses, and cniVersion ${version} has room for one`);
  }
}
