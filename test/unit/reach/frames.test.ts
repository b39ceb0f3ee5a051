// Frames that ask or tell who has an address, as RFC 826, RFC 5227 and RFC 4861 have them.
import { deepStrictEqual as same } from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { type Address, formatAddress, parseAddress } from "../../../src/ip/address.ts";
import {
  announcement,
  claimOfArp,
  claimOfNeighbour,
  probe,
  question,
  solicitedNode,
} from "../../../src/reach/frames.ts";
import { anyAddress } from "../ip/lib/arbitrary.ts";

const mac = Uint8Array.of(0x02, 0x00, 0x5e, 0x10, 0x20, 0x30);
const at = (text: string) => parseAddress(text) as Address;
const ofFamily = (family: 4 | 6) => anyAddress.filter((address) => address.family === family);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const lines = (...parts: string[]) => parts.join("").replaceAll(/[ :]/g, "");

/** Where the ICMPv6 message begins: behind Ethernet's header and IPv6's. */
const ICMP = 14 + 40;

t.test("a gratuitous ARP is a broadcast request of the address for itself", (t) => {
  const expected = lines(
    "ff:ff:ff:ff:ff:ff 02:00:5e:10:20:30 0806",
    "0001 0800 06 04 0001",
    "02:00:5e:10:20:30 c0a80105 00:00:00:00:00:00 c0a80105",
  );
  t.equal(hex(announcement(mac, at("192.168.1.5"))), expected);
  t.end();
});

t.test("an ARP probe claims nothing: its sender has no address", (t) => {
  const expected = lines(
    "ff:ff:ff:ff:ff:ff 02:00:5e:10:20:30 0806",
    "0001 0800 06 04 0001",
    "02:00:5e:10:20:30 00000000 00:00:00:00:00:00 c0a80105",
  );
  t.equal(hex(probe(mac, at("192.168.1.5"))), expected);
  t.end();
});

t.test("an unsolicited advertisement goes to all nodes, and overrides what they knew", (t) => {
  const expected = lines(
    "33:33:00:00:00:01 02:00:5e:10:20:30 86dd",
    "60000000 0020 3a ff",
    "20010db8 00000000 00000000 00000005",
    "ff020000 00000000 00000000 00000001",
    "88 00 CCCC 20000000",
    "20010db8 00000000 00000000 00000005",
    "02 01 02:00:5e:10:20:30",
  );
  const frame = announcement(mac, at("2001:db8::5"));
  t.equal(hex(frame).slice(0, 2 * (ICMP + 2)), expected.slice(0, 2 * (ICMP + 2)));
  t.equal(hex(frame).slice(2 * (ICMP + 4)), expected.slice(2 * (ICMP + 4)));
  t.end();
});

t.test("duplicate address detection asks from nowhere, and tells no hardware address", (t) => {
  const frame = probe(mac, at("2001:db8::1234:5678"));
  t.equal(hex(frame.subarray(0, ICMP - 32)), lines("33:33:ff:34:56:78 02:00:5e:10:20:30 86dd", "60000000 0018 3a ff"));
  t.equal(hex(frame.subarray(ICMP - 32, ICMP - 16)), "0".repeat(32));
  t.equal(hex(frame.subarray(ICMP - 16, ICMP)), hex(solicitedNode(at("2001:db8::1234:5678"))));
  t.equal(frame.length, ICMP + 24);
  t.end();
});

t.test("the group of an address is that of its last three bytes", (t) => {
  t.equal(hex(solicitedNode(at("2001:db8::1234:5678"))), "ff0200000000000000000001ff345678");
  t.end();
});

t.test("checksums count the pseudo-header: with it, all sums are 0xffff", (t) => {
  fc.assert(
    fc.property(ofFamily(6), ofFamily(6), (own, address) => {
      for (const frame of [announcement(mac, address), probe(mac, address), question(mac, own, address)]) {
        const message = frame.subarray(ICMP);
        const pseudo = [...frame.subarray(ICMP - 32, ICMP), 0, 0, 0, message.length, 0, 0, 0, 58];
        const bytes = Buffer.from([...pseudo, ...message]);
        let sum = 0;
        for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
        same(sum, 0xffff);
        same(Buffer.from(frame).readUInt16BE(18), message.length);
      }
    }),
  );
  t.end();
});

t.test("what is told is read again: who has an address, and who looks whether it is free", (t) => {
  fc.assert(
    fc.property(ofFamily(4), ofFamily(4), (own, address) => {
      fc.pre(own.value !== 0n && address.value !== 0n);
      same(claimOfArp(announcement(mac, address)), { address, mac });
      same(claimOfArp(probe(mac, address)), { address, mac });
      // An ordinary question says who asks, and nothing of who is asked for.
      same(claimOfArp(question(mac, own, address)), { address: own, mac });
    }),
  );
  fc.assert(
    fc.property(ofFamily(6), (address) => {
      same(claimOfNeighbour(announcement(mac, address).subarray(ICMP)), { address, mac });
      const asked = claimOfNeighbour(probe(mac, address).subarray(ICMP));
      same(asked && { address: formatAddress(asked.address), mac: asked.mac.length }, {
        address: formatAddress(address),
        mac: 0,
      });
    }),
  );
  t.end();
});

t.test("an ARP answer is its sender's claim", (t) => {
  const answer = lines(
    "02:00:5e:10:20:30 02:00:5e:00:00:01 0806",
    "0001 0800 06 04 0002",
    "02:00:5e:00:00:01 c0a80101 02:00:5e:10:20:30 c0a80105",
  );
  const claim = claimOfArp(Buffer.from(answer, "hex"));
  t.equal(claim && formatAddress(claim.address), "192.168.1.1");
  t.equal(claim && hex(claim.mac), "02005e000001");
  t.end();
});

t.test("any bytes are read to their end: what is cut short, or of other hardware, claims nothing", (t) => {
  const arp = announcement(mac, at("192.168.1.5"));
  for (let length = 0; length < arp.length; length++) t.equal(claimOfArp(arp.subarray(0, length)), undefined);
  for (const [place, value] of [
    [12, 0x86], // of another protocol
    [18, 8], // hardware addresses of 8 bytes
    [19, 16],
  ] as const) {
    const other = arp.slice();
    other[place] = value;
    t.equal(claimOfArp(other), undefined);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      claimOfArp(bytes);
      claimOfNeighbour(bytes);
    }),
  );
  t.end();
});
