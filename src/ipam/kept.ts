import type { Holder } from "./holder-index.ts";

/*
 * With `ipam.sticky` an address stays a name's when its container is gone: a pod of a StatefulSet that comes again gets it. Its
 * reservation stays, too, so that every allocator of the folder leaves it alone, with the name as its holder; no container's identifier
 * begins like that (SPEC.md, "CNI_CONTAINERID"). While a container has it, the name is the file's third line.
 */

/** Kept so long without a container, in nanoseconds: a week. */
export const KEPT_NS = 7n * 24n * 3600n * 1_000_000_000n;

/** Who holds what is kept for a name. */
export function nameHolder(name: string, ifname: string): Holder {
  return { containerId: `=${name}`, ifname };
}

/** The name that an address is kept for without a container; undefined where a container holds it. */
export function keptName({ containerId }: Holder): string | undefined {
  return containerId.startsWith("=") ? containerId.slice(1) : undefined;
}

/** A holder in words. */
export function describeHolder(holder: Holder): string {
  const name = keptName(holder);
  return name === undefined
    ? `${holder.containerId} ${holder.ifname}`.trimEnd()
    : `the name ${name}, for which it is kept`;
}
