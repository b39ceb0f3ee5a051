import { ErrorCode, PluginError } from "../errors.ts";
import { type Family, formatAddress, formatPrefix } from "../ip/address.ts";
import type { JsonObject } from "./json.ts";
import { type Dns, type Interface, type IpConfig, isEmptyDns, type Result, type ResultRoute } from "./result.ts";
import { type CniVersion, isAtLeast } from "./versions.ts";

/**
 * A result in the shape of a version, its keys in the order in which libcni writes them (cni, pkg/types/020, 040, 100):
 * that of the structures up to 0.4.0, the alphabet's from 1.0.0. Keys without a value are `undefined`.
 *
 * @throws PluginError 1 where the version has no room for the result
 */
export function resultToJson(result: Result, version: CniVersion): JsonObject {
  if (!isAtLeast(version, "0.3.0")) return toVersion02(result, version);
  if (!isAtLeast(version, "1.0.0")) return toVersion03(result, version);
  const complete = isAtLeast(version, "1.1.0");
  return {
    cniVersion: version,
    dns: isEmptyDns(result.dns) ? undefined : dnsSorted(result.dns),
    interfaces: filled(result.interfaces.map((one) => interfaceSorted(one, complete))),
    ips: filled(result.ips.map(ipSorted)),
    routes: filled(result.routes.map((route) => routeSorted(route, complete))),
  };
}

const dnsSorted = ({ domain, nameservers, options, search }: Dns): JsonObject => ({
  domain: domain || undefined,
  nameservers: filled(nameservers),
  options: filled(options),
  search: filled(search),
});

// The keys that came with 1.1.0 are left out before it: the link's MTU, and a route's own attributes.
const interfaceSorted = (one: Interface, complete: boolean): JsonObject => ({
  mac: one.mac || undefined,
  mtu: complete ? one.mtu || undefined : undefined,
  name: one.name,
  pciID: complete ? one.pciID || undefined : undefined,
  sandbox: one.sandbox || undefined,
  socketPath: complete ? one.socketPath || undefined : undefined,
});

const ipSorted = (ip: IpConfig): JsonObject => ({
  address: formatPrefix(ip.address),
  gateway: ip.gateway && formatAddress(ip.gateway),
  interface: ip.interface,
});

const routeSorted = (route: ResultRoute, complete: boolean): JsonObject =>
  complete
    ? {
        advmss: route.advmss || undefined,
        dst: formatPrefix(route.dst),
        gw: route.gw && formatAddress(route.gw),
        mtu: route.mtu || undefined,
        priority: route.priority || undefined,
        scope: route.scope,
        table: route.table,
      }
    : routeShort(route);

const routeShort = ({ dst, gw }: ResultRoute): JsonObject => ({
  dst: formatPrefix(dst),
  gw: gw && formatAddress(gw),
});

/** 0.3.0 to 0.4.0: addresses say their family. */
const toVersion03 = (result: Result, version: CniVersion): JsonObject => ({
  cniVersion: version,
  interfaces: filled(
    result.interfaces.map(({ name, mac, sandbox }) => ({
      name,
      mac: mac || undefined,
      sandbox: sandbox || undefined,
    })),
  ),
  ips: filled(
    result.ips.map((ip) => ({
      version: String(ip.address.address.family),
      interface: ip.interface,
      address: formatPrefix(ip.address),
      gateway: ip.gateway && formatAddress(ip.gateway),
    })),
  ),
  routes: filled(result.routes.map(routeShort)),
  dns: dnsInOrder(result.dns),
});

/** 0.1.0 and 0.2.0: at most one address of a family, with the family's routes; interfaces are not told. */
function toVersion02(result: Result, version: CniVersion): JsonObject {
  const part = (family: Family): JsonObject | undefined => {
    const [ip, ...more] = result.ips.filter(({ address }) => address.address.family === family);
    if (more.length > 0) {
      const message = `cniVersion ${version} has room for one IPv${family} address, and this attachment has ${more.length + 1}`;
      throw new PluginError(ErrorCode.incompatibleVersion, `${message}: use 0.3.0 or later`, "/cniVersion");
    }
    if (ip === undefined) return undefined;
    return {
      ip: formatPrefix(ip.address),
      gateway: ip.gateway && formatAddress(ip.gateway),
      routes: filled(result.routes.filter(({ dst }) => dst.address.family === family).map(routeShort)),
    };
  };
  const [ip4, ip6] = [part(4), part(6)];
  if (ip4 === undefined && ip6 === undefined) {
    const message = `cniVersion ${version} cannot tell of an attachment without an address: use 0.3.0 or later`;
    throw new PluginError(ErrorCode.incompatibleVersion, message, "/cniVersion");
  }
  return { cniVersion: version, ip4, ip6, dns: dnsInOrder(result.dns) };
}

const dnsInOrder = ({ nameservers, domain, search, options }: Dns): JsonObject => ({
  nameservers: filled(nameservers),
  domain: domain || undefined,
  search: filled(search),
  options: filled(options),
});

/** Empty lists are left out, as libcni does. */
function filled<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}
