// Every message that src/netlink writes, as the npm package `netlink` reads it.
import { deepStrictEqual as same } from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { toBytes } from "../../../src/ip/address.ts";
import { addAddress, allAddresses } from "../../../src/netlink/address.ts";
import {
  allLinks,
  createDummy,
  createIpvlan,
  createVlan,
  deleteLink,
  linkByIndex,
  linkByName,
  linkQuery,
  linksOn,
  setAliasByIndex,
  setNotifying,
  setUp,
} from "../../../src/netlink/link.ts";
import { encodeRequests, type Request } from "../../../src/netlink/message.ts";
import { deleteProxy, putNeighbour, putProxy } from "../../../src/netlink/neighbour.ts";
import { addRoute, allRoutes } from "../../../src/netlink/route.ts";
import { addRule, deleteRule } from "../../../src/netlink/rule.ts";
import { anyAddress } from "../ip/lib/arbitrary.ts";
import { fakeKernel } from "./lib/fake-kernel.ts";
import * as generate from "./lib/generate.ts";
import { hexOf } from "./lib/generate.ts";
import * as oracle from "./lib/oracle.ts";
import { ControlType, Flags, FlagsGet, FlagsNew, MessageType } from "./lib/oracle.ts";

const LINK_HEADER = 16;
const ROUTE_HEADER = 12;
const create = Flags.REQUEST | Flags.ACK | FlagsNew.CREATE | FlagsNew.EXCL;
const change = Flags.REQUEST | Flags.ACK;
const NOBODY = { family: 0, type: "NETROM", index: 0, flags: {}, change: {} };

/** The message as the oracle finds it in the bytes of one send. */
function sent(request: Request, sequence = 1): oracle.OracleMessage {
  const messages = oracle.parseMessages(encodeRequests([request], sequence));
  same(messages.length, 1);
  return messages[0] as oracle.OracleMessage;
}

function isRequest({ type, flags, seq, port }: oracle.OracleMessage, wantedType: number, wantedFlags: number): void {
  same({ type, flags, seq, port }, { type: wantedType, flags: wantedFlags, seq: 1, port: 0 });
}

t.test("createIpvlan says name, index, lower device, namespace, MTU, mode and flags, and nothing else", (t) => {
  const options = fc.record({
    name: generate.name(),
    index: fc.oneof(fc.constant(0), generate.index()),
    lower: generate.index(),
    namespaceFd: fc.option(fc.nat(), { nil: undefined }),
    mtu: fc.oneof(fc.constant(0), fc.integer({ min: 68, max: 65535 })),
    mode: generate.u16(),
    flags: generate.u16(),
  });
  fc.assert(
    fc.property(options, (options) => {
      const message = sent(createIpvlan(options));
      isRequest(message, MessageType.NEWLINK, create);
      const { name, index, lower, namespaceFd, mtu, mode, flags } = options;
      same(oracle.parseLink(message.data), {
        header: { ...NOBODY, index },
        ifname: name,
        ...(namespaceFd === undefined ? {} : { netNsFd: namespaceFd }),
        ...(mtu === 0 ? {} : { mtu }),
        link: lower,
        linkinfo: { kind: "ipvlan", data: { mode, flags } },
      });
      same(
        oracle.attributeTypes(message.data, LINK_HEADER).length,
        3 + Number(namespaceFd !== undefined) + Number(mtu !== 0),
      );
    }),
  );
  t.end();
});

const up = { flags: { up: true }, change: { up: true } };

t.test("createVlan says name, index, lower device and VLAN id, and sets it up", (t) => {
  const vid = fc.integer({ min: 1, max: 4094 });
  fc.assert(
    fc.property(generate.name(), generate.index(), vid, generate.index(), (name, lower, id, index) => {
      const message = sent(createVlan(name, lower, id, index));
      isRequest(message, MessageType.NEWLINK, create);
      same(oracle.parseLink(message.data), {
        header: { ...NOBODY, ...up, index },
        ifname: name,
        link: lower,
        linkinfo: { kind: "vlan", data: { id } },
      });
      same(oracle.attributeTypes(message.data, LINK_HEADER).length, 3);
    }),
  );
  t.end();
});

t.test("createDummy says name, index, kind and an MTU that is not the kernel's, and sets it up", (t) => {
  fc.assert(
    fc.property(generate.name(), generate.index(), fc.constantFrom(0, 68, 9000), (name, index, mtu) => {
      const message = sent(createDummy(name, index, mtu));
      isRequest(message, MessageType.NEWLINK, create);
      same(oracle.parseLink(message.data), {
        header: { ...NOBODY, ...up, index },
        ifname: name,
        ...(mtu === 0 ? {} : { mtu }),
        linkinfo: { kind: "dummy" },
      });
      same(oracle.attributeTypes(message.data, LINK_HEADER).length, mtu === 0 ? 2 : 3);
    }),
  );
  t.end();
});

t.test("IFLA_LINKINFO and IFLA_INFO_DATA are marked as nests, nothing else is", (t) => {
  const IFLA_LINKINFO = 18;
  const IFLA_INFO_DATA = 2;
  const { data } = sent(createVlan("eth0.5", 1, 5, 9));
  t.same(oracle.nests(data, LINK_HEADER), [IFLA_LINKINFO]);
  t.same(oracle.nests(oracle.attribute(data, LINK_HEADER, IFLA_LINKINFO) as Buffer, 0), [IFLA_INFO_DATA]);
  t.end();
});

t.test("setUp sets IFF_UP alone, and says index and alias: a name beside the index would be a rename", (t) => {
  const IFLA_IFALIAS = 20;
  fc.assert(
    fc.property(generate.index(), generate.name(), generate.alias(), (index, name, alias) => {
      const message = sent(setUp(index, name, alias));
      isRequest(message, MessageType.NEWLINK, change);
      // The kernel takes an alias as it is, NUL included (dev_set_alias), and the oracle knows only aliases with NUL.
      const bytes = oracle.attribute(message.data, LINK_HEADER, IFLA_IFALIAS);
      same(bytes?.toString(), alias);
      const rest = message.data.subarray(0, message.data.length - (4 + Math.ceil((bytes?.length ?? 0) / 4) * 4));
      same(oracle.parseLink(rest), { header: { ...NOBODY, ...up, index } });
      same(oracle.attributeTypes(message.data, LINK_HEADER).length, 1);
      // The same without setting it up.
      const marked = sent(setAliasByIndex(index, alias));
      isRequest(marked, MessageType.NEWLINK, change);
      same(oracle.parseLink(marked.data.subarray(0, LINK_HEADER)), { header: { ...NOBODY, index } });
      same(marked.data.subarray(LINK_HEADER), message.data.subarray(LINK_HEADER));
    }),
  );
  t.end();
});

t.test("setNotifying gives an alias and the setting arp_notify, and changes no flag", (t) => {
  const message = sent(setNotifying(7, "mine"));
  isRequest(message, MessageType.NEWLINK, change);
  same(message.data.subarray(0, LINK_HEADER), sent(linkQuery(7)).data.subarray(0, LINK_HEADER));
  // IFLA_IFALIAS, then IFLA_AF_SPEC, AF_INET, IFLA_INET_CONF, IPV4_DEVCONF_ARP_NOTIFY
  same(message.data.subarray(LINK_HEADER).toString("hex"), "080014006d696e6514001a80100002800c0001800800160001000000");
  t.end();
});

// RTEXT_FILTER_SKIP_STATS
const extMask = Buffer.from([8, 0, 0, 0]);

t.test("linkQuery asks for the link of an index, without counters", (t) => {
  const message = sent(linkQuery(7));
  isRequest(message, MessageType.GETLINK, Flags.REQUEST);
  same(oracle.parseLink(message.data), { header: { ...NOBODY, index: 7 }, extMask });
  t.end();
});

t.test("deleteLink says the index alone", (t) => {
  fc.assert(
    fc.property(generate.index(), generate.name(), (index, name) => {
      const message = sent(deleteLink(index, name));
      isRequest(message, MessageType.DELLINK, change);
      same(oracle.parseLink(message.data), { header: { ...NOBODY, index } });
    }),
  );
  t.end();
});

t.test("addAddress says address, prefix length and index; IPv4 with its broadcast address, IPv6 without DAD", (t) => {
  fc.assert(
    fc.property(generate.index(), generate.prefix(), (index, prefix) => {
      const message = sent(addAddress(index, prefix));
      isRequest(message, MessageType.NEWADDR, create);
      const { address, length } = prefix;
      const bits = hexOf(address);
      const v4 = address.family === 4;
      const hosts = 2 ** (32 - length) - 1;
      const broadcast = ((Number(address.value) | hosts) >>> 0).toString(16).padStart(8, "0");
      same(oracle.parseAddress(message.data), {
        header: { family: v4 ? 2 : 10, prefixlen: length, flags: {}, scope: 0, index },
        address: bits,
        local: bits,
        broadcast: v4 && length <= 30 ? broadcast : undefined,
        ...(v4 ? {} : { flags: { nodad: true } }),
      });
    }),
  );
  t.end();
});

t.test("addRoute says every option that is given, and leaves the others to the kernel", (t) => {
  const route = generate.family().chain((family) =>
    fc.record(
      {
        dst: generate.prefix(family),
        gw: generate.address(family),
        mtu: generate.u32(),
        advmss: generate.u32(),
        priority: generate.u32(),
        table: generate.u32(),
        scope: fc.constantFrom(0, 200, 253, 254, 255),
      },
      { requiredKeys: ["dst"] },
    ),
  );
  const scopes: Record<number, string> = { 0: "UNIVERSE", 200: "SITE", 253: "LINK", 254: "HOST", 255: "NOWHERE" };
  fc.assert(
    fc.property(generate.index(), route, (index, route) => {
      const message = sent(addRoute(index, route));
      isRequest(message, MessageType.NEWROUTE, create);
      const { dst, gw, mtu, advmss, priority, table = 254 } = route;
      const v4 = dst.address.family === 4;
      const scope = route.scope ?? (v4 && gw === undefined ? 253 : 0);
      same(oracle.parseRoute(message.data), {
        header: {
          family: v4 ? 2 : 10,
          dstLen: dst.length,
          srcLen: 0,
          tos: 0,
          table: table > 255 ? 0 : table,
          protocol: "BOOT",
          scope: scopes[scope],
          type: "UNICAST",
          flags: {},
        },
        oif: index,
        dst: dst.length === 0 ? undefined : hexOf(dst.address),
        gateway: gw && hexOf(gw),
        mtu,
        advmss,
        ...(priority === undefined ? {} : { priority }),
        ...(table > 255 ? { table } : {}),
      });
      const RTA_METRICS = 8;
      same(oracle.nests(message.data, ROUTE_HEADER), mtu === undefined && advmss === undefined ? [] : [RTA_METRICS]);
    }),
    { numRuns: 300 },
  );
  t.end();
});

/** struct ndmsg (rtnetlink(7)): family, three bytes, index, state, flags, type; then attributes. */
function neighbour(family: number, index: number, state: number, flags: number, ...attributes: Buffer[]): string {
  const header = Buffer.alloc(12);
  header[0] = family;
  header.writeInt32LE(index, 4);
  header.writeUInt16LE(state, 8);
  header[10] = flags;
  return Buffer.concat([header, ...attributes]).toString("hex");
}

/** Of a length that is a multiple of 4, or nearly. */
function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

t.test("neighbours and proxy entries: RTM_NEWNEIGH and RTM_DELNEIGH with struct ndmsg", (t) => {
  const [NEWNEIGH, DELNEIGH, NUD_PERMANENT, NTF_PROXY, NDA_DST, NDA_LLADDR] = [28, 29, 0x80, 8, 1, 2];
  const put = Flags.REQUEST | Flags.ACK | FlagsNew.CREATE | FlagsNew.REPLACE;
  fc.assert(
    fc.property(generate.index(), anyAddress, (index, address) => {
      const family = address.family === 4 ? 2 : 10;
      const dst = attribute(NDA_DST, toBytes(address));
      const mac = Uint8Array.of(2, 0, 0, 1, 2, 3);
      const hop = sent(putNeighbour(index, address, mac));
      isRequest(hop, NEWNEIGH, put);
      same(hop.data.toString("hex"), neighbour(family, index, NUD_PERMANENT, 0, dst, attribute(NDA_LLADDR, mac)));
      const proxy = sent(putProxy(index, address));
      isRequest(proxy, NEWNEIGH, put);
      same(proxy.data.toString("hex"), neighbour(family, index, 0, NTF_PROXY, dst));
      const removal = sent(deleteProxy(index, address));
      isRequest(removal, DELNEIGH, change);
      same(removal.data.toString("hex"), neighbour(family, index, 0, NTF_PROXY, dst));
    }),
  );
  t.end();
});

t.test("the rule of host access: from all lookup TABLE, as the kernel's own", (t) => {
  const [NEWRULE, DELRULE, FRA_PRIORITY, FRA_PROTOCOL, FR_ACT_TO_TBL, RTPROT_KERNEL] = [32, 33, 6, 21, 1, 2];
  const header = Buffer.from([2, 0, 0, 0, 86, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0]);
  const priority = attribute(FRA_PRIORITY, Uint8Array.of(0x86, 0x75, 0, 0));
  const rule = { family: 4, priority: 0x7586, table: 86 } as const;
  const addition = sent(addRule(rule));
  isRequest(addition, NEWRULE, create);
  const protocol = attribute(FRA_PROTOCOL, Uint8Array.of(RTPROT_KERNEL));
  t.equal(addition.data.toString("hex"), Buffer.concat([header, priority, protocol]).toString("hex"));
  const removal = sent(deleteRule(rule));
  isRequest(removal, DELRULE, change);
  t.equal(removal.data.toString("hex"), Buffer.concat([header, priority]).toString("hex"));
  t.end();
});

t.test("the requests of one send stand at 4 bytes each, numbered one after another", (t) => {
  const request = fc.oneof(
    generate.name().map((name) => createDummy(name, 9, 0)),
    fc.tuple(generate.index(), generate.name(), generate.alias()).map((args) => setUp(...args)),
    fc.tuple(generate.index(), generate.prefix()).map((args) => addAddress(...args)),
    fc.tuple(generate.index(), generate.prefix()).map(([index, dst]) => addRoute(index, { dst })),
  );
  fc.assert(
    fc.property(fc.array(request, { maxLength: 8 }), fc.integer({ min: 1, max: 0xffff_0000 }), (requests, first) => {
      const bytes = encodeRequests(requests, first);
      same(bytes.length % 4, 0);
      const messages = oracle.parseMessages(bytes);
      same(
        messages.map(({ type, flags, seq }) => ({ type, flags, seq })),
        requests.map(({ type, flags }, i) => ({ type, flags, seq: first + i })),
      );
      // Each is what it is when it is sent alone, and nothing lies between them.
      const alone = requests.map((request, i) => encodeRequests([request], first + i));
      same(Buffer.compare(Buffer.concat(alone), bytes), 0);
      same(
        messages.map(({ data }) => (16 + data.length) % 4),
        messages.map(() => 0),
      );
    }),
  );
  t.end();
});

t.test("questions", (t) => {
  const kernel = fakeKernel(t, ({ type, flags, seq }) =>
    flags & FlagsGet.DUMP
      ? [{ type: ControlType.DONE, flags: Flags.MULTI, seq, data: new Uint8Array(4) }]
      : [{ type: type - 2, seq, data: new Uint8Array(LINK_HEADER) }],
  );
  const asked = (ask: () => unknown): oracle.OracleMessage => {
    kernel.sent.length = 0;
    ask();
    same(kernel.sent.length, 1);
    return kernel.sent[0] as oracle.OracleMessage;
  };
  const dump = Flags.REQUEST | FlagsGet.DUMP;

  t.test("linkByName asks for the name, without counters", (t) => {
    fc.assert(
      fc.property(generate.name(), (name) => {
        const { type, flags, data } = asked(() => linkByName(kernel.socket, name));
        same({ type, flags }, { type: MessageType.GETLINK, flags: Flags.REQUEST });
        same(oracle.parseLink(data), { header: NOBODY, extMask, ifname: name });
      }),
    );
    t.end();
  });

  t.test("linkByIndex asks for the index, without counters", (t) => {
    const { type, flags, data } = asked(() => linkByIndex(kernel.socket, 0x1234567));
    t.same({ type, flags }, { type: MessageType.GETLINK, flags: Flags.REQUEST });
    t.same(oracle.parseLink(data), { header: { ...NOBODY, index: 0x1234567 }, extMask });
    t.end();
  });

  t.test("allLinks asks for every link, linksOn for those of a kind, both without counters", (t) => {
    const all = asked(() => allLinks(kernel.socket));
    t.same([all.type, all.flags], [MessageType.GETLINK, dump]);
    t.same(oracle.parseLink(all.data), { header: NOBODY, extMask });
    const ipvlans = asked(() => linksOn(kernel.socket, 7, "ipvlan"));
    t.same([ipvlans.type, ipvlans.flags], [MessageType.GETLINK, dump]);
    t.same(oracle.parseLink(ipvlans.data), {
      header: NOBODY,
      extMask,
      linkinfo: { kind: "ipvlan" },
    });
    t.end();
  });

  t.test("allAddresses asks for both families", (t) => {
    const { type, flags, data } = asked(() => allAddresses(kernel.socket));
    t.same([type, flags], [MessageType.GETADDR, dump]);
    t.match(oracle.parseAddress(data), { header: { family: 0, prefixlen: 0, scope: 0, index: 0 } });
    t.end();
  });

  for (const family of [4, 6] as const) {
    t.test(`allRoutes asks for every table of IPv${family}`, (t) => {
      const { type, flags, data } = asked(() => allRoutes(kernel.socket, family));
      t.same([type, flags], [MessageType.GETROUTE, dump]);
      t.match(oracle.parseRoute(data), { header: { family: family === 4 ? 2 : 10, dstLen: 0, table: 0 } });
      t.end();
    });
  }
  t.end();
});
