import { invalid } from "../cni/read.ts";
import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";
import type { Flag, Mode } from "./network-config.ts";

export function parseMode(raw: NetworkConfiguration): Mode {
  return once(raw.mode, raw.ipvlan_mode, "mode") ?? "l2";
}

export function parseFlag(raw: NetworkConfiguration): Flag {
  return once(raw.flag, raw.ipvlan_flag, "flag") ?? "bridge";
}

/** A value under our name or Docker's; both only if they agree. */
function once<T>(ours: T | undefined, dockers: T | undefined, key: string): T | undefined {
  if (ours !== undefined && dockers !== undefined && ours !== dockers) {
    throw invalid(`/ipvlan_${key}`, `"${dockers}" and ${key} "${ours}" are two different values: leave one out`);
  }
  return ours ?? dockers;
}
