import type { Family, Prefix } from "../ip/address.ts";
import { result } from "./generated/protocol.keys.ts";
import { describe, type JsonObject } from "./json.ts";
import { normalise } from "./normalise.ts";
import {
  invalid,
  optional,
  readAddress,
  readInteger,
  readList,
  readObject,
  readPrefix,
  readString,
  readUnsigned,
} from "./read.ts";
import type { Dns, Interface, IpConfig, Result, ResultRoute } from "./result.ts";
import { type CniVersion, cniVersions, isAtLeast, isCniVersion } from "./versions.ts";

/**
 * A result of any version, as `prevResult` or from a delegated plugin.
 *
 * @param version what the result is read as where it does not say: the configuration's version
 * @param pointer where the result stands, for errors and warnings
 * @param warn is told of keys that are not written as the specification has them
 * @throws PluginError 7 that names the place
 */
export function resultFromJson(
  value: unknown,
  version: CniVersion,
  pointer: string,
  warn: (message: string) => void = () => {},
): Result {
  const raw = readObject(normalise(value, result, pointer, warn), pointer);
  return isAtLeast(versionOf(raw, version, pointer), "0.3.0")
    ? fromVersion03(raw, pointer)
    : fromVersion02(raw, pointer);
}

// Before 1.0.0 a result need not say its version (cni, pkg/version: ParsePrevResult).
function versionOf(raw: JsonObject, version: CniVersion, pointer: string): CniVersion {
  const own = raw.cniVersion;
  if (own === undefined || own === null || own === "") return version;
  if (isCniVersion(own)) return own;
  throw invalid(`${pointer}/cniVersion`, `${describe(own)} is not one of ${cniVersions.join(", ")}`);
}

/** 0.3.0 and later. Keys that came later are read from earlier results, too: some plugins write them. */
function fromVersion03(raw: JsonObject, pointer: string): Result {
  const interfaces = readList(raw.interfaces, `${pointer}/interfaces`, readInterface);
  const ips = readList(raw.ips, `${pointer}/ips`, (ip, place) => readIp(ip, place, interfaces.length));
  return {
    interfaces,
    ips,
    routes: readList(raw.routes, `${pointer}/routes`, readRoute),
    dns: readDns(raw.dns, `${pointer}/dns`),
  };
}

function readInterface(value: unknown, pointer: string): Interface {
  const raw = readObject(value, pointer);
  return {
    name: readString(raw.name ?? "", `${pointer}/name`),
    mac: optional(raw.mac, `${pointer}/mac`, readString),
    mtu: optional(raw.mtu, `${pointer}/mtu`, readInteger),
    sandbox: optional(raw.sandbox, `${pointer}/sandbox`, readString),
    socketPath: optional(raw.socketPath, `${pointer}/socketPath`, readString),
    pciID: optional(raw.pciID, `${pointer}/pciID`, readString),
  };
}

function readIp(value: unknown, pointer: string, interfaces: number): IpConfig {
  const raw = readObject(value, pointer);
  return {
    address: readPrefix(raw.address, `${pointer}/address`),
    gateway: optional(raw.gateway, `${pointer}/gateway`, readAddress),
    interface: readIndex(raw.interface, `${pointer}/interface`, interfaces),
  };
}

/** An index where there is nothing to point at is passed over: IPAM plugins should not write one, and some do. */
function readIndex(value: unknown, pointer: string, interfaces: number): number | undefined {
  const index = optional(value, pointer, readInteger);
  if (index === undefined || interfaces === 0) return undefined;
  if (index < interfaces) return index;
  throw invalid(pointer, `is ${index}, and there are ${interfaces} interfaces`);
}

function readRoute(value: unknown, pointer: string): ResultRoute {
  const raw = readObject(value, pointer);
  return {
    dst: readPrefix(raw.dst, `${pointer}/dst`),
    gw: optional(raw.gw, `${pointer}/gw`, readAddress),
    mtu: optional(raw.mtu, `${pointer}/mtu`, readUnsigned(32)),
    advmss: optional(raw.advmss, `${pointer}/advmss`, readUnsigned(32)),
    priority: optional(raw.priority, `${pointer}/priority`, readUnsigned(32)),
    table: optional(raw.table, `${pointer}/table`, readUnsigned(32)),
    scope: optional(raw.scope, `${pointer}/scope`, readUnsigned(8)),
  };
}

/** 0.1.0 and 0.2.0. */
function fromVersion02(raw: JsonObject, pointer: string): Result {
  const ips: IpConfig[] = [];
  const routes: ResultRoute[] = [];
  for (const family of [4, 6] as const) {
    const place = `${pointer}/ip${family}`;
    const part = raw[`ip${family}`];
    if (part === undefined || part === null) continue;
    const { ip, gateway, routes: own } = readObject(part, place);
    ips.push({
      address: ofFamily(family, readPrefix(ip, `${place}/ip`), `${place}/ip`),
      gateway: optional(gateway, `${place}/gateway`, readAddress),
    });
    routes.push(...readList(own, `${place}/routes`, readRoute));
  }
  return { interfaces: [], ips, routes, dns: readDns(raw.dns, `${pointer}/dns`) };
}

function ofFamily(family: Family, prefix: Prefix, pointer: string): Prefix {
  if (prefix.address.family === family) return prefix;
  throw invalid(pointer, `must be an IPv${family} address`);
}

export function readDns(value: unknown, pointer: string): Dns {
  const raw = readObject(value ?? {}, pointer);
  return {
    nameservers: readList(raw.nameservers, `${pointer}/nameservers`, readString),
    domain: optional(raw.domain, `${pointer}/domain`, readString),
    search: readList(raw.search, `${pointer}/search`, readString),
    options: readList(raw.options, `${pointer}/options`, readString),
  };
}
