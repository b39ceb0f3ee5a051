import { invalid, readAddress, readPrefix } from "../cni/read.ts";
import type { PluginError } from "../errors.ts";
import { type Address, networkOf, type Prefix } from "../ip/address.ts";
import { configuredFamilies } from "./families.ts";
import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";
import type { Flag, IpamConfig, Mode, ReachConfig } from "./network-config.ts";

/** What of the rest of the configuration decides what can work. */
interface Setting {
  readonly mode: Mode;
  readonly ipam: IpamConfig;
  readonly flag: Flag;
  readonly linkInContainer: boolean;
}

/**
 * Host access and what builds on it. What the kernel's ipvlan cannot do is refused with the reason (measured, and read in
 * drivers/net/ipvlan/ipvlan_core.c).
 */
export function parseReach(
  raw: NetworkConfiguration,
  { mode, flag, linkInContainer, ipam }: Setting,
): ReachConfig | undefined {
  const hostAddresses = readEach(raw.hostAddresses, "/hostAddresses", readAddress);
  const serviceCIDRs = readEach(raw.serviceCIDRs, "/serviceCIDRs", readPrefix).map(networkOf);
  const announce = raw.announce ?? false;
  const needing = [
    ["announce", announce],
    ["hostAddresses", hostAddresses.length > 0],
    ["serviceCIDRs", serviceCIDRs.length > 0],
  ] as const;
  const [need] = needing.find(([, given]) => given) ?? [];
  if (raw.hostAccess === false && need !== undefined) {
    throw invalid("/hostAccess", `is false, and ${need} needs it: leave one out`);
  }
  if (raw.hostAccess !== true && need === undefined) return undefined;
  const key = raw.hostAccess === true ? "/hostAccess" : `/${need}`;
  if (linkInContainer) throw invalid(key, "cannot work where the parent is in the container: leave it out");
  if (flag !== "bridge") throw invalid(key, `cannot work with flag ${flag}: ${obstacles[flag]}; use flag bridge`);
  if (announce && mode === "l2") {
    throw invalid("/announce", "is for mode l3s: in mode l2 containers answer ARP and ND themselves; leave it out");
  }
  if (announce && mode === "l3" && configuredFamilies(ipam).includes(4)) throw unannounceable();
  return {
    hostAddresses,
    serviceCIDRs,
    announce,
    translateSource: raw.translateSource ?? (mode === "l2" || serviceCIDRs.length > 0),
    setRpFilter: raw.setRpFilter ?? false,
  };
}

/** The error for IPv4 addresses that are to be announced in mode l3. */
export function unannounceable(): PluginError {
  return invalid(
    "/announce",
    "cannot work for IPv4 in mode l3: the kernel gives the LAN's ARP questions to the container, which may not answer " +
      "(ipvlan_rcv_frame); use mode l3s, or l2, or routes to the containers",
  );
}

/** ipvlan_queue_xmit and ipvlan_rcv_frame. */
const obstacles: Readonly<Record<Exclude<Flag, "bridge">, string>> = {
  private: "the kernel drops every packet from one ipvlan of a parent to another, and the host's way in is one of them",
  vepa: "the kernel sends every packet out on the wire, also one for a container of the same host",
};

function readEach<T extends Address | Prefix>(
  texts: readonly string[] | undefined,
  pointer: string,
  read: (text: unknown, pointer: string) => T,
): readonly T[] {
  return (texts ?? []).map((text, index) => read(text, `${pointer}/${index}`));
}

/** @returns milliseconds; undefined where the key is absent */
export function parseConflictTimeout({ conflictDetection }: NetworkConfiguration): number | undefined {
  return conflictDetection === undefined ? undefined : (conflictDetection.timeoutMs ?? 300);
}
