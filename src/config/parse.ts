import { decodeObject, describe, isObject, type JsonObject, token } from "../cni/json.ts";
import { identifierFault, longestFileName } from "../cni/names.ts";
import { isKey } from "../cni/normalise.ts";
import { invalid } from "../cni/read.ts";
import { type Dns, isEmptyDns, type Result } from "../cni/result.ts";
import { readDns, resultFromJson } from "../cni/result-from-json.ts";
import { type CniVersion, parseCniVersion } from "../cni/versions.ts";
import { type ParseContext, previousInterfaces } from "./chained.ts";
import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";
import validate from "./generated/network-configuration.validator.js";
import { parseIpam } from "./ipam.ts";
import { readKeys, withoutEmpty } from "./keys.ts";
import { warnOfMac } from "./mac.ts";
import { parseFlag, parseMode } from "./mode.ts";
import { parseMtu } from "./mtu.ts";
import { judgeUnknownKeys } from "./near-misses.ts";
import type { NetworkConfig } from "./network-config.ts";
import { parseParent, soleInterface } from "./parent.ts";
import { parseConflictTimeout, parseReach } from "./reach.ts";
import { errorFromSchema } from "./schema-error.ts";
import { impliedRouteWarnings, refuseDhcpWithoutBroadcast } from "./without-broadcast.ts";

export interface ParsedConfig {
  readonly config: NetworkConfig;
  /** For stderr, a line each. */
  readonly warnings: readonly string[];
}

/**
 * A network configuration from the text on standard input: checked, every default filled in, frozen.
 *
 * @param context the protocol's parameters; an Environment will do
 * @throws PluginError 1 (cniVersion), 2 (unknown key in an object of ours), 4 (CNI_ARGS), 6 (no JSON), 7 (all else);
 *   details hold the JSON pointer
 */
export function parseNetworkConfig(text: string, context: ParseContext): ParsedConfig {
  const warnings: string[] = [];
  const given = decodeObject(text);
  refuseList(given);
  judgeUnknownKeys(given, warnings);
  const keys = readKeys(given, warnings);
  const name = parseName(keys.name);
  if (name.length > longestFileName) {
    throw invalid("/name", `has ${name.length} bytes, and the folder of its addresses can have ${longestFileName}`);
  }
  const cniVersion = parseCniVersion(keys.cniVersion);
  const raw = checkShape(keys);

  warnOfMac(raw, context.args, warnings);
  const prevResult = parsePrevResult(raw, cniVersion, warnings);
  const previous = previousInterfaces(prevResult, context);
  const parent = parseParent(raw, name, previous);
  const hasPreviousIps = previous !== undefined && prevResult !== undefined && prevResult.ips.length > 0;
  const mode = parseMode(raw);
  const isolated = parent.kind === "dummy";
  const surroundings = {
    version: cniVersion,
    cniArgs: context.args,
    hasPreviousIps,
    hasGateways: mode === "l2" && !isolated,
  };
  const { ipam, requested } = parseIpam(raw, surroundings, warnings);
  const impliedRoutes = !isEmptyList(raw.ipam?.routes);
  refuseDhcpWithoutBroadcast(mode, ipam);
  if (!isolated && (ipam.type === "host-local" || ipam.type === "static")) {
    warnings.push(...impliedRouteWarnings(mode, impliedRoutes, ipam.routes));
  }
  const flag = parseFlag(raw);
  const linkInContainer = raw.linkInContainer ?? (parent.kind === "chained" && isInContainer(previous));
  if (
    mode === "l2" &&
    parent.kind !== "dummy" &&
    ipam.type === "builtin" &&
    ipam.defaultPool &&
    ipam.subnets.length === 0
  ) {
    warnings.push(
      "no subnet is named: addresses come from a default pool, which nobody else on the parent's network knows; " +
        "name that network's subnet in ipam.subnets, or set ipam.ipv4 to false",
    );
  }
  const config: NetworkConfig = {
    cniVersion,
    name,
    parent,
    mode,
    flag,
    mtu: parseMtu(raw, ipam),
    linkInContainer,
    isolated,
    internal: raw.internal === true,
    reach: parseReach(raw, { mode, flag, linkInContainer, ipam }),
    conflictTimeout: parseConflictTimeout(raw),
    ipam,
    impliedRoutes,
    dns: parseDns(raw),
    requested,
    prevResult,
  };
  return { config: Object.freeze(config), warnings };
}

/** A list on standard input has all that a network without a parent needs: a name. */
export function refuseList(raw: JsonObject): void {
  const key = Object.keys(raw).find((one) => isKey(one, "plugins"));
  if (key === undefined || !Array.isArray(raw[key])) return;
  throw invalid(
    `/${token(key)}`,
    "makes this a configuration list: a plugin gets one entry of it at a time, with the list's name and cniVersion " +
      "(by hand: jq '.plugins[0] + {name, cniVersion}')",
  );
}

/** SPEC.md, "Configuration format". The name is a folder's name as well. @throws PluginError 7 */
export function parseName(value: unknown): string {
  if (value === undefined) throw invalid("/name", "is missing: the network needs a name");
  const fault = typeof value === "string" ? identifierFault(value) : "must be a string";
  if (fault === undefined) return value as string;
  throw invalid("/name", `${describe(value)} ${fault}`);
}

/** The schema's rules: types, bounds, known keys. */
function checkShape(keys: JsonObject): NetworkConfiguration {
  const data = isObject(keys.ipam) ? { ...keys, ipam: withoutEmpty(keys.ipam) } : keys;
  if (validate(data)) return data;
  const [first] = validate.errors ?? [];
  throw first === undefined ? invalid("", "is refused by the schema") : errorFromSchema(first, data);
}

export function parsePrevResult(
  { prevResult }: { readonly prevResult?: unknown },
  version: CniVersion,
  warnings: string[],
): Result | undefined {
  return prevResult === undefined
    ? undefined
    : resultFromJson(prevResult, version, "/prevResult", (message) => warnings.push(message));
}

// The reference looks for the previous plugin's interface on the host, wherever it is.
function isInContainer(previous: Parameters<typeof parseParent>[2]): boolean {
  return previous !== undefined && soleInterface(previous).sandbox !== undefined;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function parseDns(raw: NetworkConfiguration): Dns | undefined {
  if (raw.dns === undefined) return undefined;
  const dns = readDns(raw.dns, "/dns");
  return isEmptyDns(dns) ? undefined : dns;
}
