import { port } from "#system";
import { type Address, bitsOf, toBytes } from "../ip/address.ts";

/**
 * Tells the neighbours that an address is here now, so that their caches do not point at a container that had it before:
 * a gratuitous ARP request (RFC 5227, 3) for IPv4, an unsolicited neighbour advertisement (RFC 4861, 7.2.6) for IPv6.
 * Sent through a packet socket, which needs no address that is ready and no route.
 */

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ARP = 0x0806;
const ETH_P_IPV6 = 0x86dd;

/**
 * Call it inside the container's namespace. Links whose hardware address is no Ethernet address are passed over.
 * A failure to send is none of ADD's business: the addresses work, and neighbours ask when they must.
 */
export function announce(index: number, hardware: Uint8Array, addresses: readonly Address[]): void {
  if (hardware.length !== 6 || addresses.length === 0) return;
  const fd = port.socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  for (const address of addresses) {
    const [protocol, packet, destination] =
      address.family === 4
        ? [ETH_P_ARP, arpAnnouncement(hardware, address), [255, 255, 255, 255, 255, 255]]
        : [ETH_P_IPV6, neighbourAdvertisement(hardware, address), [0x33, 0x33, 0, 0, 0, 1]];
    const to = sockaddrLl(protocol, index, destination);
    port.sendto(fd, packet, packet.length, 0, to, to.length);
  }
  port.close(fd);
}

/** struct sockaddr_ll: u16 family, be16 protocol, s32 interface, u16 hardware type, u8 packet type, u8 length, address[8]. */
function sockaddrLl(protocol: number, index: number, destination: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, protocol);
  view.setInt32(4, index, true);
  bytes[11] = destination.length;
  bytes.set(destination, 12);
  return bytes;
}

/** An ARP request (RFC 826) in which sender and target are the address itself. */
export function arpAnnouncement(hardware: Uint8Array, address: Address): Uint8Array {
  const bytes = new Uint8Array(28);
  const ip = toBytes(address);
  bytes.set([0, 1, 8, 0, 6, bitsOf(4) / 8, 0, 1]);
  bytes.set(hardware, 8);
  bytes.set(ip, 14);
  bytes.set(ip, 24);
  return bytes;
}

/** An IPv6 packet to all nodes: ICMPv6 neighbour advertisement with the override flag and the link-layer address. */
export function neighbourAdvertisement(hardware: Uint8Array, address: Address): Uint8Array {
  const HEADER = 40;
  const LENGTH = 32;
  const ICMPV6 = 58;
  const bytes = new Uint8Array(HEADER + LENGTH);
  const ip = toBytes(address);
  bytes[0] = 6 << 4;
  bytes[5] = LENGTH;
  bytes[6] = ICMPV6;
  bytes[7] = 255; // receivers drop neighbour discovery that could have been routed
  bytes.set(ip, 8);
  bytes.set([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 24);
  bytes.set([136, 0, 0, 0, 0x20], HEADER);
  bytes.set(ip, HEADER + 8);
  bytes.set([2, 1], HEADER + 24); // option: target link-layer address, 8 bytes
  bytes.set(hardware, HEADER + 26);
  const sum = checksum(bytes.subarray(8), LENGTH + ICMPV6); // both addresses, the message, and the pseudo-header's rest
  bytes[HEADER + 2] = sum >>> 8;
  bytes[HEADER + 3] = sum & 255;
  return bytes;
}

/** RFC 1071, over an even number of bytes. */
function checksum(bytes: Uint8Array, initial: number): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
