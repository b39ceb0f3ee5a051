// Announcements, taken apart by somebody else's reading of RFC 826, 4861, 4443 and 1071.
import { deepStrictEqual as same } from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { port } from "#system";
import { parseAddress } from "../../../src/ip/address.ts";
import { announce, arpAnnouncement, neighbourAdvertisement } from "../../../src/link/announce.ts";
import * as generate from "../netlink/lib/generate.ts";
import { hexOf } from "../netlink/lib/generate.ts";
import { lackOfNamespaces, runCases } from "../system/lib/runtimes.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** One's complement sum of the 16-bit words, byte by byte; a right checksum among them makes it 0xffff (RFC 1071). */
function onesComplementSum(bytes: Uint8Array): number {
  let sum = 0n;
  bytes.forEach((byte, i) => {
    sum += BigInt(byte) << (i % 2 === 0 ? 8n : 0n);
  });
  // Modulo 2^16 - 1, of which one's complement has two zeros.
  const rest = Number(sum % 0xffffn);
  return rest === 0 && sum > 0n ? 0xffff : rest;
}

t.test("an ARP announcement is a request from the address for the address (RFC 5227)", (t) => {
  fc.assert(
    fc.property(generate.hardwareAddress(), generate.address(4), (hardware, address) => {
      const packet = Buffer.from(arpAnnouncement(hardware, address));
      same(
        {
          length: packet.length,
          hardwareType: packet.readUInt16BE(0),
          protocolType: packet.readUInt16BE(2),
          lengths: [packet[4], packet[5]],
          operation: packet.readUInt16BE(6),
          sender: [hex(packet.subarray(8, 14)), hex(packet.subarray(14, 18))],
          target: [hex(packet.subarray(18, 24)), hex(packet.subarray(24, 28))],
        },
        {
          length: 28,
          hardwareType: 1,
          protocolType: 0x0800,
          lengths: [6, 4],
          operation: 1,
          sender: [hex(hardware), hexOf(address)],
          target: ["000000000000", hexOf(address)],
        },
      );
    }),
  );
  t.end();
});

t.test("a neighbour advertisement tells all nodes the address's hardware address, and overrides (RFC 4861)", (t) => {
  fc.assert(
    fc.property(generate.hardwareAddress(), generate.address(6), (hardware, address) => {
      const packet = Buffer.from(neighbourAdvertisement(hardware, address));
      const icmp = packet.subarray(40);
      same(
        {
          version: packet.readUInt32BE(0),
          payload: packet.readUInt16BE(4),
          nextHeader: packet[6],
          hopLimit: packet[7],
          source: hex(packet.subarray(8, 24)),
          destination: hex(packet.subarray(24, 40)),
          type: icmp[0],
          code: icmp[1],
          flags: icmp.readUInt32BE(4),
          target: hex(icmp.subarray(8, 24)),
          option: [icmp[24], icmp[25], hex(icmp.subarray(26))],
        },
        {
          version: 0x6000_0000,
          payload: packet.length - 40,
          nextHeader: 58,
          hopLimit: 255,
          source: hexOf(address),
          destination: "ff020000000000000000000000000001",
          type: 136,
          code: 0,
          flags: 0x2000_0000, // neither router nor solicited, override
          target: hexOf(address),
          option: [2, 1, hex(hardware)],
        },
      );
    }),
  );
  t.end();
});

t.test("its checksum is right (RFC 4443, 2.3)", (t) => {
  const isRight = (hardware: Uint8Array, address: Parameters<typeof neighbourAdvertisement>[1]): boolean => {
    const packet = Buffer.from(neighbourAdvertisement(hardware, address));
    const icmp = packet.subarray(40);
    const pseudoHeader = Buffer.alloc(40);
    packet.copy(pseudoHeader, 0, 8, 40);
    pseudoHeader.writeUInt32BE(icmp.length, 32);
    pseudoHeader[39] = 58;
    return onesComplementSum(Buffer.concat([pseudoHeader, icmp])) === 0xffff;
  };
  fc.assert(fc.property(generate.hardwareAddress(), generate.address(6), isRight), { numRuns: 500 });
  const ones = { family: 6, value: (1n << 128n) - 1n } as const;
  t.ok(isRight(new Uint8Array(6).fill(0xff), ones), "with many carries");
  t.ok(isRight(new Uint8Array(6), { family: 6, value: 0n }), "with none");
  // The carries' sum carries once more where the words' sum ends in 0xffff: the last word of the hardware address sees to it.
  const bare = neighbourAdvertisement(new Uint8Array(6), ones).subarray(8);
  const words = bare.reduce(
    (sum, byte, i) => sum + (i === 34 || i === 35 ? 0 : byte * (i % 2 === 0 ? 256 : 1)),
    32 + 58,
  );
  const last = 0xffff - (words & 0xffff);
  t.ok(isRight(Uint8Array.from([0, 0, 0, 0, last >> 8, last & 255]), ones), "with a carry of the carries");
  t.end();
});

t.test("a known advertisement, byte for byte", (t) => {
  const address = parseAddress("2001:db8::2");
  t.equal(
    hex(neighbourAdvertisement(Buffer.from("020000000001", "hex"), address as NonNullable<typeof address>)),
    [
      "6000000000203aff",
      "20010db8000000000000000000000002",
      "ff020000000000000000000000000001",
      "8800f92820000000",
      "20010db8000000000000000000000002",
      "0201020000000001",
    ].join(""),
  );
  t.end();
});

t.test("announce", (t) => {
  const replaceable = port as { -readonly [name in keyof typeof port]: (typeof port)[name] };
  const { socket, sendto, close } = port;
  t.teardown(() => Object.assign(replaceable, { socket, sendto, close }));
  const hardware = Buffer.from("020000000001", "hex");
  const v4 = { family: 4, value: 0x0a000001n } as const;
  const v6 = { family: 6, value: 0x20010db8000000000000000000000001n } as const;
  let sent: { packet: string; to: string; rest: number[] }[] = [];
  let open = 0;
  let opened: number[] = [];
  t.beforeEach(() => {
    sent = [];
    open = 0;
    opened = [];
    replaceable.socket = (...args) => {
      opened = args;
      open++;
      return 33;
    };
    replaceable.close = () => --open;
    replaceable.sendto = (fd, packet, length, flags, to, size) => {
      sent.push({ packet: hex(packet), to: hex(to), rest: [fd, length, flags, size] });
      return length;
    };
  });

  t.test("sends each address by its protocol, to everybody on the link", (t) => {
    announce(0x01020304, hardware, [v4, v6]);
    const AF_PACKET = "1100";
    const INDEX = "04030201";
    t.same(sent, [
      {
        packet: hex(arpAnnouncement(hardware, v4)),
        // family, protocol, index, hardware type, packet type, length of the address, address in 8 bytes
        to: `${AF_PACKET}0806${INDEX}00000006ffffffffffff0000`,
        rest: [33, 28, 0, 20],
      },
      {
        packet: hex(neighbourAdvertisement(hardware, v6)),
        to: `${AF_PACKET}86dd${INDEX}000000063333000000010000`,
        rest: [33, 72, 0, 20],
      },
    ]);
    t.same(
      [opened, open],
      [[17, 2 | 0o2000000, 0], 0],
      "over one packet socket, which listens to nothing and is closed",
    );
    t.end();
  });

  t.test("passes over links without an Ethernet address, and over nothing to say", (t) => {
    for (const length of [0, 4, 8, 20]) announce(1, new Uint8Array(length), [v4]);
    announce(1, hardware, []);
    t.same([sent, open, opened], [[], 0, []]);
    t.end();
  });

  t.test("is silent where sending fails", (t) => {
    replaceable.sendto = () => -100;
    announce(1, hardware, [v4, v6]);
    t.equal(open, 0);
    replaceable.socket = () => -1;
    announce(1, hardware, [v4, v6]);
    t.equal(open, 0, "nothing is closed that was not opened");
    t.end();
  });
  t.end();
});

t.test("announcements on a real link", { skip: lackOfNamespaces() ?? false }, async (t) => {
  await runCases(t, "../../link/lib/announce-cases.ts", () => [], { wrapper: ["unshare", "--net"] });
});
