import { decodeObject, isObject, type JsonObject } from "../cni/json.ts";
import { isPluginName } from "../cni/names.ts";
import { invalid } from "../cni/read.ts";
import { type CniVersion, newestVersion, parseCniVersion } from "../cni/versions.ts";
import { PluginError } from "../errors.ts";
import { type ParseContext, previousInterfaces } from "./chained.ts";
import { defaultDataDir } from "./data-dir.ts";
import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";
import validate from "./generated/network-configuration.validator.js";
import { readKeys, withoutEmpty } from "./keys.ts";
import type { ParentChoice } from "./network-config.ts";
import { parseParent } from "./parent.ts";
import { parseName, parsePrevResult, refuseList } from "./parse.ts";

/** What is left to be known when something is taken away. */
export interface RemovalConfig {
  /** The newest where it cannot be read: a DEL has no result. */
  readonly cniVersion: CniVersion;
  readonly name: string;
  readonly ipam: RemovalIpam;
  readonly linkInContainer: boolean;
  /** The host may have routes to the network's containers. */
  readonly hostAccess: boolean;
  /** undefined where the configuration does not tell, or tells nonsense. Looked for when it is asked for, which is seldom. */
  readonly parent: () => ParentChoice | undefined;
}

export type RemovalIpam =
  | {
      readonly type: "builtin" | "host-local";
      readonly dataDir: string;
      /** The pool is a cluster's. */
      readonly inCluster?: true;
      /** And its addresses follow names. */
      readonly isSticky?: true;
    }
  | { readonly type: "static" }
  | { readonly type: "delegate"; readonly plugin: string };

/**
 * For DEL and GC, which must do what they can whatever has become of the configuration (SPEC.md, section 2, "DEL"):
 * nothing that they do not need can fail.
 *
 * @throws PluginError 6 for what is no JSON, 7 where there is no network's name
 */
export function parseForRemoval(text: string, context: ParseContext): RemovalConfig {
  const given = decodeObject(text);
  // Of a DEL it is of no account: what a list did in an earlier version can be taken away.
  if (context.command !== "DEL") refuseList(given);
  const raw = readKeys(given, []);
  const name = parseName(raw.name);
  const cniVersion = attempt(() => parseCniVersion(raw.cniVersion)) ?? newestVersion;
  return Object.freeze({
    cniVersion,
    name,
    ipam: parseIpam(isObject(raw.ipam) ? withoutEmpty(raw.ipam) : {}),
    linkInContainer: raw.linkInContainer === true,
    hostAccess: hostAccessKeys.some((key) => raw[key] !== undefined && raw[key] !== false),
    parent: () => attempt(() => findParent(raw, name, cniVersion, context)),
  });
}

/** See parseReach. */
const hostAccessKeys = ["hostAccess", "hostAddresses", "serviceCIDRs", "announce"];

function findParent(raw: JsonObject, name: string, version: CniVersion, context: ParseContext): ParentChoice {
  const prevResult = attempt(() => parsePrevResult(raw, version, []));
  return parseParent(parentKeys(raw), name, previousInterfaces(prevResult, { ...context, command: "DEL" }));
}

function parseIpam(ipam: JsonObject): RemovalIpam {
  const { type } = ipam;
  if (type === "static") return { type };
  // In what is no path nothing can have been reserved.
  const isPath = typeof ipam.dataDir === "string" && !ipam.dataDir.includes("\0");
  const dataDir = isPath ? (ipam.dataDir as string) : defaultDataDir;
  if (type === "host-local") return { type, dataDir };
  return typeof type === "string" && isPluginName(type)
    ? { type: "delegate", plugin: type }
    : { type: "builtin", dataDir, ...inCluster(ipam) };
}

function inCluster({ cluster, sticky }: JsonObject): { inCluster?: true; isSticky?: true } {
  if (cluster === undefined) return {};
  return sticky === true ? { inCluster: true, isSticky: true } : { inCluster: true };
}

/** The keys that name a parent, if each is of the schema's type; nothing else about them is sure here. */
function parentKeys(raw: JsonObject): NetworkConfiguration {
  const { master, parent, vlan, internal, linkInContainer } = raw;
  const keys = { master, parent, vlan, internal, linkInContainer };
  const given = Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
  if (!validate(given)) throw invalid("", "does not tell the parent");
  return given;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof PluginError) return undefined;
    throw error;
  }
}
