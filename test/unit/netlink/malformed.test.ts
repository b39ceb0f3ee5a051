// Bytes that no kernel sends: reading them ends, keeps within them, and fails with a RangeError if at all.
import { ok, deepStrictEqual as same } from "node:assert/strict";
import fc from "fast-check";
import netlink from "netlink";
import t from "tap";
import { readAddress } from "../../../src/netlink/address.ts";
import { readAttributes, readString, readU16, readU32 } from "../../../src/netlink/attributes.ts";
import { readLink } from "../../../src/netlink/link.ts";
import { decodeMessages, readError } from "../../../src/netlink/message.ts";
import { readRoute } from "../../../src/netlink/route.ts";
import * as generate from "./lib/generate.ts";
import { ControlType, FlagsAck, format, formatMessages } from "./lib/oracle.ts";

const { rt, ifla, putU16, putU32 } = netlink;

const link = format(rt.formatLinkMessage, {
  kind: "link",
  data: { index: 7, flags: { up: true, noarp: true } },
  attrs: {
    ifname: "eth0",
    mtu: 1500,
    link: putU32(3),
    linkNetnsid: 0,
    master: 4,
    address: Buffer.from("020000000001", "hex"),
    linkinfo: format((x, out) => out.emit(ifla.formatInfo(x)), {
      kind: "ipvlan",
      data: format((x, out) => out.emit(ifla.formatIpvlan(x)), { mode: 2, flags: putU16(1) }),
      slaveKind: "bridge",
    }),
    ifalias: "ipvlan-cni x",
  },
});
const address = format(rt.formatAddressMessage, {
  kind: "address",
  data: { family: 2, prefixlen: 24, index: 7 },
  attrs: {
    address: Buffer.from([10, 0, 0, 1]),
    local: Buffer.from([10, 0, 0, 2]),
    label: "eth0",
    flags: { permanent: true },
  },
});
const hop = (ifindex: number): Buffer => rt.formatRouteNextHop({ len: 8, flags: {}, hops: 0, ifindex });
const route = format(rt.formatRouteMessage, {
  kind: "route",
  data: { family: 2, dstLen: 16, table: 254, scope: 0, type: 1 },
  attrs: {
    dst: Buffer.from([10, 1, 0, 0]),
    table: 1000,
    priority: 100,
    gateway: Buffer.from([10, 0, 0, 254]),
    multipath: Buffer.concat([hop(3), hop(4), hop(5)]),
  },
});

const cases = [
  { name: "readLink", read: readLink, whole: link, header: 16 },
  { name: "readAddress", read: readAddress, whole: address, header: 8 },
  { name: "readRoute", read: readRoute, whole: route, header: 12 },
] as const;

/** What reading returns; undefined where it throws a RangeError. Every other error is passed on. */
function outcome<T>(read: (bytes: Uint8Array) => T, bytes: Uint8Array): T | undefined {
  try {
    return read(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

/** The first `length` bytes, in a larger buffer before bytes that must not be read. */
function amidst(bytes: Uint8Array, length: number, behind: number): Uint8Array {
  const buffer = new Uint8Array(bytes.length + 64).fill(behind);
  buffer.set(bytes.subarray(0, length), 32);
  return buffer.subarray(32, 32 + length);
}

/** Offsets of the attributes. */
function offsets(bytes: Uint8Array, header: number): number[] {
  const found: number[] = [];
  for (let at = header; at < bytes.length; at += (Buffer.from(bytes).readUInt16LE(at) + 3) & ~3) found.push(at);
  return found;
}

for (const { name, read, whole, header } of cases) {
  const starts = offsets(whole, header);
  const ends = starts.map((at) => at + whole.readUInt16LE(at));

  t.test(
    `${name}: a message that is cut short has the attributes that are whole, and no byte behind it is read`,
    (t) => {
      t.ok(outcome<unknown>(read, whole) !== undefined && starts.length > 3);
      for (let length = 0; length < whole.length; length++) {
        const got = outcome<unknown>(read, amidst(whole, length, 0));
        same(outcome<unknown>(read, amidst(whole, length, 0xff)), got, `${length} bytes before others`);
        // The last 4 bytes of struct ifinfomsg are a mask that answers do not have.
        if (length < Math.min(header, 12)) same(got, undefined, `${length} bytes of a header`);
        if (length < header) continue;
        const complete = ends.filter((end) => end <= length).length;
        same(got, outcome<unknown>(read, Uint8Array.from(whole.subarray(0, starts[complete]))), `${length} bytes`);
      }
      t.end();
    },
  );

  t.test(
    `${name}: an attribute that is shorter than its own header or longer than the message ends the reading`,
    (t) => {
      for (const at of starts) {
        const wanted = outcome<unknown>(read, Uint8Array.from(whole.subarray(0, at)));
        for (const length of [0, 1, 2, 3, whole.length - at + 1, 0x7fff, 0xffff]) {
          const broken = Buffer.from(whole);
          broken.writeUInt16LE(length, at);
          same(outcome<unknown>(read, Uint8Array.from(broken)), wanted, `length ${length} at ${at}`);
        }
      }
      t.end();
    },
  );

  t.test(`${name}: any bytes behind a header are read to their end`, (t) => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 96 }), generate.netlinkLike(96));
    fc.assert(
      fc.property(bytes, (bytes) => {
        outcome<unknown>(read, bytes);
        outcome<unknown>(read, Buffer.concat([whole.subarray(0, header), bytes]));
      }),
      { numRuns: 500 },
    );
    t.end();
  });

  t.test(`${name}: any one byte may be another`, (t) => {
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 3, 4, 5, 127, 255]) {
        const broken = Uint8Array.from(whole);
        broken[at] = value;
        outcome<unknown>(read, broken);
      }
    }
    t.end();
  });
}

t.test("next hops that say a length of 0 to 7 end the list", (t) => {
  for (let length = 0; length < 8; length++) {
    const hops = Buffer.concat([hop(3), hop(4), hop(5)]);
    hops.writeUInt16LE(length, 8);
    const bytes = format(rt.formatRouteMessage, { kind: "route", data: { family: 2 }, attrs: { multipath: hops } });
    t.same(readRoute(bytes)?.interfaces, [3], `length ${length}`);
  }
  t.end();
});

t.test("numbers and texts of any length are read", (t) => {
  for (let length = 0; length < 4; length++) {
    const bytes = new Uint8Array(length).fill(0x81);
    t.equal(readU32(bytes), length === 0 ? 0 : Number(`0x${"81".repeat(length)}`), `u32 of ${length} bytes`);
    t.equal(
      readU16(bytes),
      length === 0 ? 0 : Number(`0x${"81".repeat(Math.min(length, 2))}`),
      `u16 of ${length} bytes`,
    );
  }
  t.equal(readString(new Uint8Array(0)), "");
  t.equal(readString(new Uint8Array([0])), "");
  t.equal(readString(new Uint8Array([0xff, 0])), "\uFFFD");
  t.end();
});

t.test("readAttributes: 0 to 3 bytes are no attribute, and an empty one is one", (t) => {
  for (let length = 0; length < 4; length++)
    t.equal(readAttributes(new Uint8Array(length).fill(4)).get(0x404), undefined, `${length} bytes`);
  t.same(readAttributes(new Uint8Array([4, 0, 9, 0])).get(9), new Uint8Array(0));
  t.equal(readAttributes(new Uint8Array(4), 8).get(0), undefined, "a start behind the end");
  t.end();
});

t.test("decodeMessages: of bytes that are cut short the whole messages are read", (t) => {
  const messages = [link, address, Buffer.alloc(3), route].map((data, i) => ({ type: 16 + i, seq: i, data }));
  const bytes = formatMessages(messages);
  const ends = messages.map(
    (_, i) => formatMessages(messages.slice(0, i)).length + 16 + (messages[i]?.data.length ?? 0),
  );
  for (let length = 0; length <= bytes.length; length++) {
    const read = decodeMessages(amidst(bytes, length, 0xff));
    same(
      read.map(({ sequence }) => sequence),
      ends.flatMap((end, i) => (end <= length ? [i] : [])),
      `${length} bytes`,
    );
  }
  t.end();
});

t.test("decodeMessages: a length below the header's or beyond the bytes ends the reading", (t) => {
  const bytes = formatMessages([0, 1, 2].map((seq) => ({ type: 16, seq, data: Buffer.alloc(8) })));
  for (const length of [...Array(16).keys(), 49, 0x7fff_ffff, 0xffff_fff0, 0xffff_ffff]) {
    const broken = Buffer.from(bytes);
    broken.writeUInt32LE(length, 24);
    t.same(
      decodeMessages(broken).map(({ sequence }) => sequence),
      [0],
      `length ${length}`,
    );
  }
  t.end();
});

t.test("decodeMessages: any bytes are read to their end, and errors in them", (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), generate.netlinkLike(200)), (bytes) => {
      for (const { sequence, payload } of decodeMessages(bytes)) {
        ok(payload.length <= bytes.length - 16);
        for (const type of [ControlType.ERROR, ControlType.DONE]) {
          for (const flags of [0, FlagsAck.ACK_TLVS, FlagsAck.ACK_TLVS | FlagsAck.CAPPED]) {
            outcome((payload) => readError({ type, flags, sequence, payload }), payload);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
  t.end();
});
