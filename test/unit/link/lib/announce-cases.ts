// In a network namespace of its own: what comes out of the other end of a veth pair.
import { port } from "#system";
import { type Address, parseAddress } from "../../../../src/ip/address.ts";
import { announce, arpAnnouncement, neighbourAdvertisement } from "../../../../src/link/announce.ts";
import { nestAttribute, stringAttribute } from "../../../../src/netlink/attributes.ts";
import * as k from "../../../../src/netlink/constants.ts";
import { allLinks, type Link, linkByName, setUp } from "../../../../src/netlink/link.ts";
import { execute, openNetlink } from "../../../../src/netlink/socket.ts";
import { check } from "../../system/lib/cases.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const POLLIN = 1;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const addresses = ["10.0.0.1", "2001:db8::1", "10.0.0.2"].map((text) => parseAddress(text) as Address);

const netlink = openNetlink();
execute(netlink, [
  {
    type: k.RTM_NEWLINK,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK | k.NLM_F_CREATE | k.NLM_F_EXCL,
    header: new Uint8Array(16),
    attributes: [
      stringAttribute(k.IFLA_IFNAME, "here"),
      nestAttribute(k.IFLA_LINKINFO, [stringAttribute(k.IFLA_INFO_KIND, "veth")]),
    ],
    what: "create veth",
  },
]);
const here = linkByName(netlink, "here") as Link;
const there = allLinks(netlink).find(({ lower, index }) => lower === here.index && index !== here.index) as Link;
execute(netlink, [setUp(here.index, "here", ""), setUp(there.index, "there", "")]);

/**
 * The first `count` frames of ours that arrive, Ethernet header included. A link that has just come up drops what is sent
 * before the kernel has seen to its carrier, so all is sent again where nothing comes.
 */
function arriving(protocol: number, count: number, send: () => void): string[] {
  const fd = port.socket(AF_PACKET, SOCK_RAW, (protocol >> 8) | ((protocol & 255) << 8));
  const address = new DataView(new ArrayBuffer(20));
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, protocol);
  address.setInt32(4, there.index, true);
  port.bind(fd, new Uint8Array(address.buffer), 20);
  const poll = new DataView(new ArrayBuffer(8));
  poll.setInt32(0, fd, true);
  poll.setInt16(4, POLLIN, true);
  let frames: string[] = [];
  for (let attempt = 1; frames.length < count && attempt <= 20; attempt++) {
    frames = [];
    send();
    while (frames.length < count && port.poll(new Uint8Array(poll.buffer), 1, 100) === 1) {
      const buffer = new Uint8Array(2048);
      const frame = hex(buffer.subarray(0, port.recv(fd, buffer, buffer.length, 0)));
      // The kernel itself solicits neighbours and routers on a new link.
      if (addresses.some((one) => frame.includes(packetOf(one)))) frames.push(frame);
    }
  }
  port.close(fd);
  return frames;
}

const packetOf = (one: Address): string =>
  hex((one.family === 4 ? arpAnnouncement : neighbourAdvertisement)(here.address, one));
const send = (): void => announce(here.index, here.address, addresses);
const source = hex(here.address);

check("an ARP announcement goes to the broadcast address, from the link's own", () => arriving(0x0806, 2, send), [
  `ffffffffffff${source}0806${packetOf(addresses[0] as Address)}`,
  `ffffffffffff${source}0806${packetOf(addresses[2] as Address)}`,
]);
check("a neighbour advertisement goes to all nodes' multicast address", () => arriving(0x86dd, 1, send), [
  `333300000001${source}86dd${packetOf(addresses[1] as Address)}`,
]);
