import { longestInterfaceName } from "../cni/names.ts";
import { hash64 } from "../hash.ts";
import { encode } from "../system/text.ts";

/** How a VLAN's sub-interface is called when it is made: BASE.VID, with a hash in BASE's place where that is too long for the kernel. */
export function vlanName(base: string, vid: number): string {
  const name = `${base}.${vid}`;
  return encode(name).length <= longestInterfaceName ? name : `vl-${hash64(base).slice(0, 7)}.${vid}`;
}
