// What the npm package `netlink` writes, as src/netlink reads it.
import { deepStrictEqual as same } from "node:assert/strict";
import fc from "fast-check";
import netlink from "netlink";
import t from "tap";
import type { Address } from "../../../src/ip/address.ts";
import { readAddress } from "../../../src/netlink/address.ts";
import { readAttributes, readString, readU16, readU32 } from "../../../src/netlink/attributes.ts";
import { readLink } from "../../../src/netlink/link.ts";
import { decodeMessages } from "../../../src/netlink/message.ts";
import { readRoute } from "../../../src/netlink/route.ts";
import * as generate from "./lib/generate.ts";
import { hexOf } from "./lib/generate.ts";
import { format, formatMessages } from "./lib/oracle.ts";

const { rt, ifla, putU16, putU32 } = netlink;

const bytesOf = (address: Address): Buffer => Buffer.from(hexOf(address), "hex");
const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });

/** The attributes that have a value, in another order for each seed: netlink's come in any. */
function given<T extends object>(values: T, seed = 0): { [name in keyof T]?: Exclude<T[name], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  const first = seed % Math.max(1, entries.length);
  return Object.fromEntries([...entries.slice(first), ...entries.slice(0, first)]) as ReturnType<typeof given<T>>;
}

t.test("readLink reads what a link message says, in any order and among attributes that it does not know", (t) => {
  const link = fc.record({
    index: generate.index(),
    flags: fc.integer({ min: 0, max: 0x7_ffff }),
    name: generate.name(),
    mtu: optional(generate.u32()),
    address: optional(fc.oneof(generate.hardwareAddress(), fc.uint8Array({ maxLength: 20 }))),
    lower: optional(generate.u32()),
    lowerNamespace: optional(fc.nat()),
    controller: optional(generate.u32()),
    kind: optional(fc.constantFrom("ipvlan", "vlan", "dummy", "veth", "ipvtap")),
    portKind: optional(fc.constantFrom("bridge", "bond")),
    alias: optional(generate.alias()),
    mode: generate.u16(),
    ipvlanFlags: generate.u16(),
    vlanId: generate.u16(),
    rest: fc.nat(20),
  });
  const data = (kind: string | undefined, mode: number, flags: number, id: number): Buffer =>
    kind === "vlan"
      ? format((x, out) => out.emit(ifla.formatVlan(x)), { protocol: 0x8100, id, flags: putU32(1) })
      : // Other kinds than ipvlan have other things to say under the same numbers.
        format((x, out) => out.emit(ifla.formatIpvlan(x)), { mode, flags: putU16(flags) });
  fc.assert(
    fc.property(link, (link) => {
      const { name, mtu, address, lower, lowerNamespace, controller, kind, portKind, alias, rest } = link;
      const info =
        kind === undefined && portKind === undefined
          ? undefined
          : format(
              (x, out) => out.emit(ifla.formatInfo(x)),
              given(
                {
                  kind,
                  xstats: Buffer.alloc(3),
                  slaveKind: portKind,
                  data: data(kind, link.mode, link.ipvlanFlags, link.vlanId),
                },
                rest,
              ),
            );
      const attrs = {
        ifname: name,
        txqlen: 1000,
        mtu,
        broadcast: Buffer.alloc(6, 0xff),
        address: address && Buffer.from(address),
        qdisc: "noqueue",
        link: lower === undefined ? undefined : putU32(lower),
        operstate: 6,
        master: controller,
        linkinfo: info,
        afSpec: new Map([[2, Buffer.alloc(5)]]),
        linkNetnsid: lowerNamespace,
        ifalias: alias,
        group: 0,
      };
      const header = { family: 0, type: 1, index: link.index, flags: rt.parseDeviceFlags(link.flags), change: {} };
      const payload = format(rt.formatLinkMessage, { kind: "link", data: header, attrs: given(attrs, rest) });
      same(
        { ...readLink(payload), address: [...readLink(payload).address] },
        {
          index: link.index,
          name,
          flags: link.flags,
          mtu: mtu ?? 0,
          address: [...(address ?? [])],
          lower,
          lowerNamespace,
          controller,
          kind,
          portKind,
          alias: alias ?? "",
          ipvlan: kind === "ipvlan" ? { mode: link.mode, flags: link.ipvlanFlags } : undefined,
          vlanId: kind === "vlan" ? link.vlanId : undefined,
        },
      );
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test("a link that was read does not change when the receive buffer is used again", (t) => {
  const attrs = { address: Buffer.from("020000000001", "hex"), ifname: "eth0", ifalias: "mine" };
  const payload = Uint8Array.from(format(rt.formatLinkMessage, { kind: "link", data: { index: 3 }, attrs }));
  const link = readLink(payload);
  payload.fill(0xee);
  t.same([...link.address], [2, 0, 0, 0, 0, 1]);
  t.match(link, { index: 3, name: "eth0", alias: "mine" });
  t.end();
});

t.test("readAddress reads what an address message says, flags of 32 bits included", (t) => {
  const message = generate.family().chain((family) =>
    fc.record({
      prefix: generate.prefix(family),
      peer: optional(generate.address(family)),
      index: generate.index(),
      short: fc.integer({ min: 0, max: 0xff }),
      long: optional(fc.integer({ min: 0, max: 0xfff })),
      scope: fc.constantFrom(0, 200, 253, 254, 255),
    }),
  );
  fc.assert(
    fc.property(message, ({ prefix, peer, index, short, long, scope }) => {
      const own = bytesOf(prefix.address);
      const header = {
        family: prefix.address.family === 4 ? 2 : 10,
        prefixlen: prefix.length,
        flags: rt.parseAddressFlags(short),
        scope,
        index,
      };
      const attrs = {
        // On a point-to-point link IFA_ADDRESS is the peer's; IPv6 without a peer has no IFA_LOCAL.
        address: peer === undefined ? own : bytesOf(peer),
        local: peer === undefined && prefix.address.family === 6 ? undefined : own,
        label: "eth0:1",
        cacheInfo: {},
        flags: long === undefined ? undefined : rt.parseAddressFlags(long),
      };
      same(readAddress(format(rt.formatAddressMessage, { kind: "address", data: header, attrs: given(attrs) })), {
        index,
        prefix,
        flags: long ?? short,
        scope,
      });
    }),
  );
  t.end();
});

t.test("readAddress passes over addresses of other families", (t) => {
  const address = (bytes: number): Buffer =>
    format(rt.formatAddressMessage, { kind: "address", data: { family: 1 }, attrs: { address: Buffer.alloc(bytes) } });
  for (const bytes of [0, 1, 2, 6, 8, 20]) t.equal(readAddress(address(bytes)), undefined, `${bytes} bytes`);
  const none = format(rt.formatAddressMessage, { kind: "address", data: { family: 2 }, attrs: { label: "eth0" } });
  t.equal(readAddress(none), undefined, "none");
  t.end();
});

t.test("readRoute reads what a route message says, over one interface or several", (t) => {
  const route = generate.family().chain((family) =>
    fc.record({
      dst: generate.prefix(family),
      gw: optional(generate.address(family)),
      hops: fc.array(fc.record({ index: generate.index(), gw: optional(generate.address(family)) }), { maxLength: 4 }),
      table: generate.u32(),
      priority: optional(generate.u32()),
      src: optional(generate.address(family)),
      protocol: fc.integer({ min: 0, max: 255 }),
      scope: fc.constantFrom(0, 200, 253, 254, 255),
      type: fc.integer({ min: 0, max: 11 }),
      rest: fc.nat(20),
    }),
  );
  fc.assert(
    fc.property(route, ({ dst, gw, hops, table, priority, src, protocol, scope, type, rest }) => {
      const { family } = dst.address;
      const header = {
        family: family === 4 ? 2 : 10,
        dstLen: dst.length,
        table: table > 255 ? 252 : table,
        protocol,
        scope,
        type,
      };
      const attrs = {
        table: table > 255 ? table : undefined,
        dst: dst.length === 0 ? undefined : bytesOf(dst.address),
        oif: hops.length === 1 ? hops[0]?.index : undefined,
        metrics: { mtu: putU32(1400) },
        multipath: hops.length > 1 ? Buffer.concat(hops.map(nextHop)) : undefined,
        priority,
        gateway: gw && bytesOf(gw),
        prefsrc: src && bytesOf(src),
        cacheInfo: {},
      };
      const payload = format(rt.formatRouteMessage, { kind: "route", data: header, attrs: given(attrs, rest) });
      same(readRoute(payload), {
        dst: dst.length === 0 ? { address: { family, value: 0n }, length: 0 } : dst,
        gw,
        interfaces: hops.map(({ index }) => index),
        table,
        priority: priority ?? 0,
        src,
        protocol,
        scope,
        type,
      });
    }),
    { numRuns: 300 },
  );
  t.end();
});

/** struct rtnexthop with its attributes. */
function nextHop({ index, gw }: { index: number; gw: Address | undefined }): Buffer {
  const attrs =
    gw === undefined ? Buffer.alloc(0) : format((x, out) => out.emit(rt.formatRouteAttrs(x)), { gateway: bytesOf(gw) });
  return Buffer.concat([rt.formatRouteNextHop({ len: 8 + attrs.length, flags: {}, hops: 0, ifindex: index }), attrs]);
}

t.test("readRoute passes over routes of other families", (t) => {
  const route = (family: number): Buffer =>
    format(rt.formatRouteMessage, { kind: "route", data: { family }, attrs: {} });
  for (const family of [0, 1, 7, 28, 128]) t.equal(readRoute(route(family)), undefined, `family ${family}`);
  t.end();
});

t.test("decodeMessages finds every message, whatever its length", (t) => {
  const message = fc.record({
    type: generate.u16(),
    flags: generate.u16(),
    seq: generate.u32(),
    data: fc.uint8Array({ maxLength: 40 }),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 6 }), fc.nat(8), (messages, before) => {
      const bytes = formatMessages(messages);
      // As in recv's buffer: in the midst of other bytes.
      const buffer = Buffer.concat([Buffer.alloc(before, 0xff), bytes, Buffer.alloc(40, 0xff)]);
      same(
        decodeMessages(buffer.subarray(before, before + bytes.length)).map(({ payload, ...rest }) => ({
          ...rest,
          payload: [...payload],
        })),
        messages.map(({ type, flags, seq, data }) => ({ type, flags, sequence: seq, payload: [...data] })),
      );
    }),
  );
  t.end();
});

t.test("readAttributes finds every attribute without its flags; of a type that occurs twice, the last", (t) => {
  const attribute = fc.record({
    type: fc.integer({ min: 0, max: 0x3fff }),
    nested: fc.boolean(),
    no: fc.boolean(),
    data: fc.uint8Array({ maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(attribute), fc.nat(8), (attributes, header) => {
      const parts = attributes.flatMap((attribute) => {
        const data = Buffer.from(attribute.data);
        return [...netlink.formatAttribute({ ...attribute, data }), netlink.getPadding(data.length)];
      });
      const read = readAttributes(Buffer.concat([Buffer.alloc(header), ...parts]), header);
      const expected = new Map(attributes.map(({ type, data }) => [type, [...data]]));
      for (let type = 0; type <= 0x3fff; type++) {
        const value = read.get(type);
        same(value && [...value], expected.get(type), `type ${type}`);
      }
    }),
  );
  t.end();
});

t.test("numbers are little-endian, and those of 32 bits unsigned", (t) => {
  fc.assert(fc.property(generate.u16(), (value) => readU16(putU16(value)) === value));
  fc.assert(fc.property(generate.u32(), (value) => readU32(putU32(value)) === value));
  t.equal(readU16(undefined), undefined);
  t.equal(readU32(undefined), undefined);
  t.end();
});

t.test("text ends at its NUL, or with the attribute", (t) => {
  fc.assert(
    fc.property(generate.alias(), generate.alias(), (text, behind) => {
      same(readString(netlink.putString(text)), text);
      same(readString(Buffer.from(text)), text);
      same(readString(Buffer.from(`${text}\0${behind}`)), text);
    }),
  );
  t.equal(readString(undefined), undefined);
  t.end();
});
