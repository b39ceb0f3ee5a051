import type { Attachment } from "../cni/gc.ts";
import { hash32 } from "../hash.ts";

/** Whose a route of the host's is. */
export interface Owner extends Attachment {
  readonly network: string;
}

/*
 * The metric of a route tells its owner, so that it is known with no other record, whatever has become of the network's
 * configuration, and an address that is given to a new container before the old one's DEL comes has two routes, one of each:
 *
 *     01 A NNNNNNNNN OOOOOOOOOOOOOOOOOOOO    A: announced; N: hash of the network's name; O: hash of container and interface
 */
const MARK = 0x4000_0000;
const ANNOUNCED = 0x2000_0000;
const NETWORK = 0x1ff0_0000;

/** The metric of the owner's routes. */
export function ownerMetric({ network, containerId, ifname }: Owner, announced: boolean): number {
  const owner = folded(`${containerId}:${ifname}`) & 0xf_ffff;
  return MARK | (announced ? ANNOUNCED : 0) | networkPart(network) | owner;
}

export function isAnnounced(metric: number): boolean {
  return (metric & ANNOUNCED) !== 0;
}

/** Whether the metric is one that {@link ownerMetric} gives to an owner. */
export function isOwners(metric: number, owner: Owner): boolean {
  return (metric | ANNOUNCED) === ownerMetric(owner, true);
}

/** Whether the metric is that of some owner of the network; of one network in 512 that is another's, too. */
export function isOfNetwork(metric: number, network: string): boolean {
  return (metric & MARK) !== 0 && (metric & NETWORK) === networkPart(network);
}

function networkPart(network: string): number {
  return (folded(network) << 20) & NETWORK;
}

/** FNV-1a, the upper half folded into the lower. */
function folded(text: string): number {
  const value = hash32(text);
  return (value ^ (value >>> 16)) >>> 0;
}
