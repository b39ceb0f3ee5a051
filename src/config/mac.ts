import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";

/** Warns of a hardware address that is asked for, in whatever way: all ipvlans have their parent's. */
export function warnOfMac(raw: NetworkConfiguration, cniArgs: string, warnings: string[]): void {
  const places = {
    mac: raw.mac,
    "runtimeConfig.mac": raw.runtimeConfig?.mac,
    "args.cni.mac": raw.args?.cni?.mac,
    "CNI_ARGS MAC": /(?:^|;)MAC=([^;]+)/.exec(cniArgs)?.[1],
  };
  for (const [place, mac] of Object.entries(places)) {
    if (mac !== undefined && mac !== "")
      warnings.push(`${place} is passed over: an ipvlan has its parent's hardware address`);
  }
}
