import { hash64 } from "../hash.ts";

/** Bytes of IFNAMSIZ that are left after `di-`. */
const room = 12;

/** The name of a network's dummy link: `di-` and the network's name, as Docker does, or a hash of it where it is longer. */
export function dummyName(networkName: string): string {
  return `di-${networkName.length <= room ? networkName : hash64(networkName).slice(0, room)}`;
}
