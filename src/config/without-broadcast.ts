// What modes l3 and l3s, in which the kernel passes no broadcast and knows no next hop, mean for the IPAM.
import { invalid } from "../cni/read.ts";
import type { IpamConfig, Mode, Route } from "./network-config.ts";

/** @throws PluginError 7 for dhcp: nobody would hear its requests */
export function refuseDhcpWithoutBroadcast(mode: Mode, ipam: IpamConfig): void {
  if (mode !== "l2" && ipam.type === "delegate" && ipam.plugin === "dhcp") {
    throw invalid("/ipam/type", `dhcp finds its server by broadcast, and mode ${mode} passes none: use mode l2`);
  }
}

/**
 * Where one of the reference's IPAMs, or another program, names no routes: the reference plugin then makes none, and people close a
 * network in that way (nerdctl's --internal); here the container gets default routes.
 * @param impliedRoutes see NetworkConfig
 * @param routes the IPAM's
 * @returns one warning or none
 */
export function impliedRouteWarnings(mode: Mode, impliedRoutes: boolean, routes: readonly Route[]): readonly string[] {
  if (mode === "l2" || !impliedRoutes || routes.length > 0) return [];
  return [
    `mode ${mode} gives the container a default route out of its interface, since the IPAM names no routes: ` +
      `"routes": [] in ipam says that there shall be none`,
  ];
}
