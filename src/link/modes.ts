import type { Flag, Mode } from "../config/network-config.ts";

/** Kernel numbers and meaning of the modes (linux/if_link.h, enum ipvlan_mode). */
export const modes: Readonly<Record<Mode, { readonly number: number; readonly routed: boolean }>> = {
  l2: { number: 0, routed: false },
  /** Routed by the parent's namespace: no ARP, no broadcast, no multicast. */
  l3: { number: 1, routed: true },
  /** As l3, through the host's netfilter hooks. */
  l3s: { number: 2, routed: true },
};

/** IPVLAN_F_* of linux/if_link.h; bridge is the absence of both. */
export const flags: Readonly<Record<Flag, number>> = { bridge: 0, private: 1, vepa: 2 };

/** "l2 bridge" and so on, from the kernel's numbers. */
export function describePort(mode: number, flag: number): string {
  const modeName = Object.entries(modes).find(([, { number }]) => number === mode)?.[0] ?? `mode ${mode}`;
  const flagName = Object.entries(flags).find(([, number]) => number === flag)?.[0] ?? `flags ${flag}`;
  return `${modeName} ${flagName}`;
}
