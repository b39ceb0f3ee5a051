// How answers are waited for, with a kernel that answers as the test wants.
import netlink from "netlink";
import t from "tap";
import { port } from "#system";
import { formatPrefix, type Prefix, parsePrefix } from "../../../src/ip/address.ts";
import {
  allLinks,
  createDummy,
  deleteLink,
  linkByName,
  linkStandingOn,
  linksOn,
  searchOn,
  setUp,
} from "../../../src/netlink/link.ts";
import { allRoutes, destinationsWithin } from "../../../src/netlink/route.ts";
import { closeNetlink, execute, openNetlink, transact } from "../../../src/netlink/socket.ts";
import { Errno } from "../../../src/system/errno.ts";
import { type Answer, fakeKernel } from "./lib/fake-kernel.ts";
import { ControlType, Flags, FlagsAck, format, MessageType, type OracleMessage } from "./lib/oracle.ts";

const { rt, putS32 } = netlink;

function ack(seq: number, errno = 0): Answer {
  return {
    type: ControlType.ERROR,
    flags: FlagsAck.CAPPED,
    seq,
    data: Buffer.concat([putS32(-errno), Buffer.alloc(16)]),
  };
}

function link(seq: number, ifname: string, kind?: string, lower?: number, elsewhere?: number): Answer {
  const linkinfo =
    kind === undefined ? undefined : Buffer.concat(netlink.formatAttribute({ type: 1, data: netlink.putString(kind) }));
  const attrs = {
    ifname,
    ...(linkinfo === undefined ? {} : { linkinfo }),
    ...(lower === undefined ? {} : { link: putS32(lower) }),
    ...(elsewhere === undefined ? {} : { linkNetnsid: elsewhere }),
  };
  const data = format(rt.formatLinkMessage, { kind: "link", data: { index: 1 }, attrs });
  return { type: MessageType.NEWLINK, flags: Flags.MULTI, seq, data };
}

const done = (seq: number, errno = 0): Answer => ({
  type: ControlType.DONE,
  flags: Flags.MULTI,
  seq,
  data: putS32(-errno),
});
const requests = [createDummy("a", 3, 0), setUp(0, "a", ""), createDummy("b", 4, 0), deleteLink(7, "c")];

t.test(
  "transact sends all requests at once, asks for the last one's acknowledgement alone, and says which failed",
  (t) => {
    for (const failing of [[], [0], [2], [0, 1, 2], [3], [1, 3]]) {
      for (const together of [true, false]) {
        const kernel = fakeKernel(t);
        kernel.socket.sequence = 70;
        const answers = [0, 1, 2].filter((i) => failing.includes(i)).map((i) => ack(70 + i, Errno.EEXIST));
        answers.push(ack(73, failing.includes(3) ? Errno.EEXIST : 0));
        kernel.queue.push(...(together ? [answers] : answers.map((answer) => [answer])));
        const outcomes = transact(kernel.socket, requests);
        t.same(
          kernel.sent.map(({ seq, flags }) => [seq, flags & Flags.ACK]),
          [
            [70, 0],
            [71, 0],
            [72, 0],
            [73, Flags.ACK],
          ],
        );
        t.equal(kernel.socket.sequence, 74, "the next request has the next number");
        t.equal(kernel.queue.length, 0, "no answer is left for the next request");
        t.same(
          outcomes.map((error) => error && [error.what, error.errno]),
          requests.map(({ what }, i) => (failing.includes(i) ? [what, Errno.EEXIST] : undefined)),
        );
      }
    }
    t.end();
  },
);

t.test("transact passes over messages that answer nothing of its own", (t) => {
  const kernel = fakeKernel(t);
  kernel.socket.sequence = 70;
  const others = [ack(69, Errno.EIO), ack(72, Errno.EIO), ack(0, Errno.EIO), { ...link(70, "echo"), flags: 0 }];
  kernel.queue.push(others, [ack(70)], others, [ack(71)]);
  t.strictSame([...transact(kernel.socket, requests.slice(0, 2))], [undefined, undefined]);
  t.equal(kernel.queue.length, 0);
  t.end();
});

t.test("transact of nothing waits for nothing", (t) => {
  const kernel = fakeKernel(t);
  t.same(transact(kernel.socket, []), []);
  t.end();
});

t.test("execute throws the first failure of several", (t) => {
  const kernel = fakeKernel(t, ({ seq }) => [ack(seq, [0, 0, Errno.EEXIST, Errno.EBUSY, Errno.ENODEV][seq])]);
  t.throws(() => execute(kernel.socket, requests), { message: "set a up: EEXIST" });
  t.equal(kernel.queue.length, 0, "no answer is left for the next request");
  t.end();
});

t.test("a receive that a signal interrupts is taken up again", (t) => {
  const kernel = fakeKernel(t);
  kernel.queue.push(-Errno.EINTR, -Errno.EINTR, [ack(1)]);
  execute(kernel.socket, [createDummy("a", 3, 0)]);
  t.equal(kernel.queue.length, 0);
  t.end();
});

t.test("a receive or a send that fails says so", (t) => {
  const kernel = fakeKernel(t);
  kernel.queue.push(-Errno.EBADF);
  t.throws(() => execute(kernel.socket, [createDummy("a", 3, 0)]), { message: "recv AF_NETLINK: EBADF" });
  kernel.sendResult = -Errno.EPERM;
  t.throws(() => execute(kernel.socket, [createDummy("a", 3, 0)]), { message: "write AF_NETLINK: EPERM" });
  t.end();
});

t.test("answers that were lost, or do not come, are an error that says so, not a wait for ever", (t) => {
  const kernel = fakeKernel(t);
  kernel.queue.push(-Errno.ENOBUFS);
  t.throws(() => execute(kernel.socket, requests), {
    name: "NetlinkError",
    message: "delete c: ENOBUFS (answers were lost: net.core.rmem_default is too small for them)",
  });
  kernel.queue.push(-Errno.EAGAIN);
  t.throws(() => execute(kernel.socket, requests), { message: "delete c: ETIMEDOUT (no answer within 5 s)" });
  t.end();
});

t.test("many requests go out in several sends, whose answers fit into the socket's buffer", (t) => {
  const many = Array.from({ length: 100 }, (_, i) => createDummy(`d${i}`, 3, 0));
  const kernel = fakeKernel(t, ({ seq, flags }) =>
    seq % 3 === 0 || flags & Flags.ACK ? [ack(seq, seq % 3 === 0 ? Errno.EEXIST : 0)] : [],
  );
  const outcomes = transact(kernel.socket, many);
  t.same(
    outcomes.map((error) => error?.what),
    many.map(({ what }, i) => ((i + 1) % 3 === 0 ? what : undefined)),
    "each has its own answer",
  );
  t.same(
    kernel.sent.filter(({ flags }) => flags & Flags.ACK).map(({ seq }) => seq),
    [32, 64, 96, 100],
  );
  t.equal(kernel.queue.length, 0);
  t.end();
});

t.test("an answer that is longer than the buffer is an error, not half an answer", (t) => {
  const kernel = fakeKernel(t);
  kernel.queue.push(new Uint8Array(65537));
  t.throws(() => linkByName(kernel.socket, "a"), { name: "NetlinkError", errno: Errno.EMSGSIZE });
  t.end();
});

t.test("linkByName: ENODEV is no link, other errors are thrown with what was looked up", (t) => {
  const kernel = fakeKernel(t, ({ seq }) => [ack(seq, seq === 1 ? Errno.ENODEV : Errno.ERANGE)]);
  t.equal(linkByName(kernel.socket, "eth0"), undefined);
  t.throws(() => linkByName(kernel.socket, "eth0"), {
    name: "NetlinkError",
    what: "look up eth0",
    errno: Errno.ERANGE,
  });
  t.end();
});

t.test("linkByName takes the answer to its own question", (t) => {
  const kernel = fakeKernel(t, ({ seq }) => [link(seq - 1, "late"), ack(seq + 1, Errno.EIO), link(seq, "mine")]);
  kernel.socket.sequence = 9;
  t.equal(linkByName(kernel.socket, "mine")?.name, "mine");
  t.end();
});

const names = (links: readonly { name: string }[]): string[] => links.map(({ name }) => name);

t.test("a list comes in several parts, each read before the buffer is used again", (t) => {
  const kernel = fakeKernel(t);
  kernel.queue.push([link(1, "a"), link(1, "b")], [link(0, "foreign"), link(1, "c")], [link(1, "d"), done(1)]);
  t.same(names(allLinks(kernel.socket)), ["a", "b", "c", "d"]);
  t.equal(kernel.queue.length, 0);
  t.end();
});

t.test("a list that changed while it was told is asked for again", (t) => {
  const interrupted = (answer: Answer): Answer => ({ ...answer, flags: Flags.MULTI | Flags.DUMP_INTR });
  const kernel = fakeKernel(t, ({ seq }) => {
    if (seq === 1) return [interrupted(link(seq, "old")), done(seq)];
    // The kernel also marks the end alone.
    if (seq === 2) return [link(seq, "old"), interrupted(done(seq))];
    return [link(seq, "new"), done(seq)];
  });
  t.same(names(allLinks(kernel.socket)), ["new"]);
  t.equal(kernel.sent.length, 3);
  t.end();
});

t.test("a list that never stops changing is taken at the fifth time", (t) => {
  const kernel = fakeKernel(t, ({ seq }) => [
    { ...link(seq, `view${seq}`), flags: Flags.MULTI | Flags.DUMP_INTR },
    done(seq),
  ]);
  t.same(names(allLinks(kernel.socket)), ["view5"]);
  t.equal(kernel.sent.length, 5);
  t.end();
});

t.test("a list of which a part was lost is asked for again", (t) => {
  const kernel = fakeKernel(t, ({ seq }) => [link(seq, `view${seq}`), done(seq)]);
  kernel.queue.push(-Errno.ENOBUFS);
  t.same(names(allLinks(kernel.socket)), ["view2"]);
  t.equal(kernel.queue.length, 0, "what is left of the first is passed over");
  t.end();
});

t.test("a list that fails is an error, at its beginning and at its end: half a list is none", (t) => {
  const atOnce = fakeKernel(t, ({ seq }) => [ack(seq, Errno.EOPNOTSUPP)]);
  t.throws(() => allLinks(atOnce.socket), { name: "NetlinkError", what: "list links", errno: Errno.EOPNOTSUPP });
  const onTheWay = fakeKernel(t, ({ seq }) => [link(seq, "a"), done(seq, Errno.ENOMEM)]);
  t.throws(() => allLinks(onTheWay.socket), { name: "NetlinkError", what: "list links", errno: Errno.ENOMEM });
  t.end();
});

t.test("linksOn has links of the kinds on that link only, also of a kernel that does not filter", (t) => {
  const all = [
    ["lo"],
    ["a", "ipvlan", 7],
    ["b", undefined, 7],
    ["c", "vlan", 7],
    ["d", "ipvlan", 8],
    ["e", "ipvlan", 7, 0],
    ["f", "macvtap", 7],
    ["g", "ipvlan"],
  ] as const;
  const unfiltered = fakeKernel(t, ({ seq }) => [
    ...all.map(([name, kind, lower, elsewhere]) => link(seq, name, kind, lower, elsewhere)),
    done(seq),
  ]);
  t.same(names(linksOn(unfiltered.socket, 7, "ipvlan")), ["a"]);
  t.same(names(linksOn(unfiltered.socket, 7, "macvlan", "macvtap")), ["f"]);
  t.equal(unfiltered.sent.length, 2, "a list of all is asked for once");
  t.equal(linkStandingOn(unfiltered.socket, 7)?.name, "a");
  t.equal(linkStandingOn(unfiltered.socket, 6), undefined);

  const lists = [["a", "macvlan", 7] as const, ["b", "macvtap", 7] as const];
  const filtered = fakeKernel(t, ({ seq }) => {
    const [name, kind, lower] = lists[seq - 1] ?? ["none", "none", 0];
    return [link(seq, name, kind, lower), done(seq)];
  });
  t.same(names(linksOn(filtered.socket, 7, "macvlan", "macvtap")), ["a", "b"]);
  t.end();
});

t.test("a list in which something was found is not read on, and is no answer to what is asked next", (t) => {
  const kernel = fakeKernel(t);
  const { socket, queue } = kernel;
  const find = (name: string) => searchOn(socket, 7, "ipvlan", (one) => (one.name === name ? one.name : undefined));
  const on7 = (seq: number, name: string) => link(seq, name, "ipvlan", 7);
  queue.push([on7(1, "a"), on7(1, "b")], [on7(1, "c")]);
  t.equal(find("b"), "b");
  t.equal(queue.length, 1, "it ends there");
  // A question in between gets its own answer, and a part of the list before it.
  queue.push([{ ...link(2, "mine"), flags: 0 }]);
  t.equal(linkByName(socket, "mine")?.name, "mine");
  // The next list has to wait for the end of that one.
  queue.push([on7(1, "d")], [done(1)], [on7(3, "e")], [on7(3, "f"), done(3)]);
  t.equal(find("f"), "f");
  t.equal(queue.length, 0);
  // This one has been told in full. And one whose end came with an answer is over, too.
  queue.push([on7(4, "a")]);
  t.equal(find("a"), "a");
  queue.push([done(4), { ...link(5, "mine"), flags: 0 }], [done(6)]);
  t.equal(linkByName(socket, "mine")?.name, "mine");
  t.equal(find("none"), undefined);
  t.equal(queue.length, 0);
  t.end();
});

t.test("of the routes, those are read that overlap a prefix: of the main table and IPv4, and no default one", (t) => {
  const route = (dst: string | undefined, length: number, table = 254, family = 2): Answer => ({
    type: MessageType.NEWROUTE,
    flags: Flags.MULTI,
    seq: 1,
    data: format(rt.formatRouteMessage, {
      kind: "route",
      data: { family, table, dstLen: length },
      attrs: dst === undefined ? {} : { dst: Buffer.from(dst.split(".").map(Number)) },
    }),
  });
  const kernel = fakeKernel(t, () => [
    route(undefined, 0),
    route("172.18.0.0", 16),
    route("172.18.5.7", 32),
    route("172.0.0.0", 8),
    route("128.0.0.0", 1),
    route("10.0.0.0", 8),
    route("172.32.0.0", 11),
    route("192.168.1.0", 24),
    route("172.19.0.0", 16, 255),
    route("172.20.0.0", 16, 254, 10),
    done(1),
  ]);
  const within = ["172.16.0.0/12", "192.168.0.0/16"].map((text) => parsePrefix(text) as Prefix);
  t.same(destinationsWithin(kernel.socket, within).map(formatPrefix), [
    "172.18.0.0/16",
    "172.18.5.7/32",
    "172.0.0.0/8",
    "128.0.0.0/1",
    "192.168.1.0/24",
  ]);
  t.end();
});

t.test("allRoutes has routes of the family only, also of a kernel without IPv6, which answers with the others", (t) => {
  const route = (seq: number, family: number): Answer => ({
    type: MessageType.NEWROUTE,
    flags: Flags.MULTI,
    seq,
    data: format(rt.formatRouteMessage, { kind: "route", data: { family, table: 254 }, attrs: { oif: family } }),
  });
  const kernel = fakeKernel(t, ({ seq }: OracleMessage) => [route(seq, 2), route(seq, 10), route(seq, 28), done(seq)]);
  t.same(
    allRoutes(kernel.socket, 6).map(({ interfaces }) => interfaces),
    [[10]],
  );
  t.same(
    allRoutes(kernel.socket, 4).map(({ interfaces }) => interfaces),
    [[2]],
  );
  t.end();
});

t.test("openNetlink", (t) => {
  const replaceable = port as { -readonly [name in keyof typeof port]: (typeof port)[name] };
  const { socket, setsockopt } = port;
  t.teardown(() => Object.assign(replaceable, { socket, setsockopt }));

  t.test(
    "opens a route socket that programs which are run do not inherit, and asks for the kernel's sentences",
    (t) => {
      const options: unknown[] = [];
      replaceable.socket = (...args) => {
        t.same(args, [16, 3 | 0o2000000, netlink.Protocol.ROUTE]);
        return 33;
      };
      replaceable.setsockopt = (...args) => {
        options.push(args);
        return 0;
      };
      t.same(openNetlink(), { fd: 33, sequence: 1 });
      t.same(options, [
        [33, 270, netlink.Attributes.EXT_ACK, new Uint8Array([1, 0, 0, 0]), 4],
        [33, 1, 20, new Uint8Array([5, ...new Array(15).fill(0)]), 16],
      ]);
      t.end();
    },
  );

  t.test("does without the sentences where the kernel has none", (t) => {
    replaceable.socket = () => 33;
    replaceable.setsockopt = () => -92;
    t.same(openNetlink(), { fd: 33, sequence: 1 });
    t.end();
  });

  t.test("says why it failed", (t) => {
    replaceable.socket = () => -Errno.EMFILE;
    t.throws(() => openNetlink(), { name: "SystemError", call: "socket", errno: Errno.EMFILE, path: "AF_NETLINK" });
    t.end();
  });
  t.end();
});

t.test("closeNetlink gives the descriptor back", (t) => {
  const first = openNetlink();
  closeNetlink(first);
  const second = openNetlink();
  closeNetlink(second);
  t.equal(second.fd, first.fd);
  t.end();
});
