import { port } from "#system";
import { type Address, formatAddress } from "../ip/address.ts";
import { macText } from "../link/mac.ts";
import type { Link } from "../netlink/link.ts";
import {
  type Claim,
  claimOfArp,
  claimOfNeighbour,
  ND_NEIGHBOR_ADVERT,
  ND_NEIGHBOR_SOLICIT,
  probe,
  question,
  solicitedNode,
} from "./frames.ts";
import { openIcmpSocket, openPacketSocket, receiveFrame, sendFrame, waitFor } from "./packet-socket.ts";

/** Questions for each address (RFC 5227, PROBE_NUM). */
const PROBES = 3;
const ETH_P_ARP = 0x0806;

/**
 * Asks the machines of the link's network whether somebody has one of the addresses, or is about to take it.
 * Call it in the link's namespace.
 *
 * @param own addresses of the link, one of each family that it has: who answers for others, as the host of an announced container
 *   does, does not answer a probe
 * @returns by address: the MAC of who has it, or empty where that was not told
 */
export function probeAddresses(
  link: Link,
  addresses: readonly Address[],
  timeoutMs: number,
  own: readonly Address[] = [],
): Map<string, string> {
  const wanted = new Set(addresses.map(formatAddress));
  const found = new Map<string, string>();
  const ofIpv6 = addresses.filter(({ family }) => family === 6);
  const frames = openPacketSocket(link, ETH_P_ARP);
  const sockets = [frames];
  try {
    if (ofIpv6.length > 0) {
      sockets.push(openIcmpSocket(link, [ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT], ofIpv6.map(solicitedNode)));
    }
    const note = (claim: Claim | undefined) => {
      if (claim === undefined) return;
      const [text, mac] = [formatAddress(claim.address), macText(claim.mac)];
      // What this host says itself, its other containers and proxy entries included, is no other's claim.
      if (wanted.has(text) && mac !== macText(link.address) && !found.get(text)) found.set(text, mac);
    };
    for (let round = 0; round < PROBES && found.size < wanted.size; round++) {
      for (const address of addresses) {
        sendFrame(frames, probe(link.address, address), link);
        const sender = own.find(({ family }) => family === address.family);
        if (sender !== undefined) sendFrame(frames, question(link.address, sender, address), link);
      }
      const share = Math.ceil(timeoutMs / PROBES);
      for (let left = share, before = Date.now(); left > 0 && found.size < wanted.size; ) {
        waitFor(sockets, left);
        for (const [index, socket] of sockets.entries()) {
          const read = index === 0 ? claimOfArp : claimOfNeighbour;
          for (let bytes = receiveFrame(socket); bytes !== undefined; bytes = receiveFrame(socket)) note(read(bytes));
        }
        // The clock may be set meanwhile.
        const now = Date.now();
        left -= Math.min(Math.max(now - before, 1), left);
        before = now;
      }
    }
    return found;
  } finally {
    for (const socket of sockets) port.close(socket);
  }
}
