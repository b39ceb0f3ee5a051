import { invalid, readPrefix } from "../cni/read.ts";
import { formatAddress, formatPrefix, networkOf, type Prefix, samePrefix } from "../ip/address.ts";

/** A network: a prefix without host bits. The error says what it should be. */
export function readNetwork(value: unknown, pointer: string): Prefix {
  const prefix = readPrefix(value, pointer);
  const network = networkOf(prefix);
  if (samePrefix(prefix, network)) return network;
  throw invalid(pointer, `${formatPrefix(prefix)} has host bits set: the network is ${formatPrefix(network)}`);
}

/** For messages: `192.168.1.5 is outside of 192.168.1.0/24`. */
export function outside(address: Prefix["address"], network: Prefix): string {
  return `${formatAddress(address)} is outside of ${formatPrefix(network)}`;
}
