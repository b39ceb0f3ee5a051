import { invalid, optional, readAddress, readPrefix } from "../cni/read.ts";
import { formatPrefix, networkOf, samePrefix } from "../ip/address.ts";
import type { Route } from "./network-config.ts";

/** A route of `ipam.routes`, as the schema has checked it. */
export interface RouteJson {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export function parseRoutes(raw: readonly RouteJson[] | undefined, warnings: string[]): readonly Route[] {
  return (raw ?? []).map((route, index) => parseRoute(route, `/ipam/routes/${index}`, warnings));
}

function parseRoute(raw: RouteJson, pointer: string, warnings: string[]): Route {
  const written = readPrefix(raw.dst, `${pointer}/dst`);
  const dst = networkOf(written);
  // The kernel masks IPv6 destinations and refuses IPv4 ones; libcni's users write both.
  if (!samePrefix(written, dst)) warnings.push(`route ${formatPrefix(written)} is read as ${formatPrefix(dst)}`);
  const gw = optional(raw.gw, `${pointer}/gw`, readAddress);
  if (gw !== undefined && gw.family !== dst.address.family) {
    throw invalid(
      `${pointer}/gw`,
      `must be an IPv${dst.address.family} address, as the destination ${formatPrefix(dst)}`,
    );
  }
  const { mtu, advmss, priority, table, scope } = raw;
  return { dst, gw, mtu, advmss, priority, table, scope };
}
