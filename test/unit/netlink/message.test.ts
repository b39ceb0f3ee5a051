// Answers to requests: acknowledgements, errors and the kernel's sentences, put together as af_netlink.c does (netlink_ack).
import { ok, deepStrictEqual as same } from "node:assert/strict";
import fc from "fast-check";
import netlink from "netlink";
import t from "tap";
import { setUp } from "../../../src/netlink/link.ts";
import { encodeRequests, type Message, readError } from "../../../src/netlink/message.ts";
import { NetlinkError } from "../../../src/netlink/socket.ts";
import { Errno } from "../../../src/system/errno.ts";
import { ControlType, Flags, FlagsAck, format } from "./lib/oracle.ts";

const sentence = "Attribute failed policy validation";
const request = encodeRequests([setUp(7, "eth0", "mine")], 5);

/** The attributes of an extended acknowledgement (enum nlmsgerr_attrs). */
function extended(reason: string | undefined, others: boolean): Buffer {
  return format((reason: string | undefined, out) => {
    if (others) out.push(2, netlink.putU32(40)); // NLMSGERR_ATTR_OFFS
    if (reason !== undefined) out.push(1, netlink.putString(reason)); // NLMSGERR_ATTR_MSG
    if (others) out.push(4, Buffer.from([8, 0, 1, 0, 11, 0, 0, 0])); // NLMSGERR_ATTR_POLICY
  }, reason);
}

interface Shape {
  errno: number;
  /** What of the request is echoed. */
  capped: boolean;
  tlvs: Buffer | undefined;
  echoed?: Uint8Array;
}

function answer({ errno, capped, tlvs, echoed = request }: Shape): Message {
  const echo = capped ? echoed.subarray(0, 16) : echoed;
  const parts = [netlink.putS32(-errno), echo, netlink.getPadding(echo.length), ...(tlvs === undefined ? [] : [tlvs])];
  return {
    type: ControlType.ERROR,
    flags: (capped ? FlagsAck.CAPPED : 0) | (tlvs === undefined ? 0 : FlagsAck.ACK_TLVS),
    sequence: 5,
    payload: Buffer.concat(parts),
  };
}

t.test("an error has its number, as the oracle reads it too", (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4095 }), fc.boolean(), (errno, capped) => {
      const message = answer({ errno, capped, tlvs: undefined });
      same(readError(message), { errno, reason: "" });
      same(-netlink.parseError(Buffer.from(message.payload), message.flags).errno, errno);
    }),
  );
  t.end();
});

t.test("the kernel's sentence is found behind a whole request and behind a capped one", (t) => {
  const shape = fc.record({
    errno: fc.integer({ min: 1, max: 4095 }),
    capped: fc.boolean(),
    reason: fc.option(
      fc.string({ maxLength: 80 }).filter((text) => !text.includes("\0")),
      { nil: undefined },
    ),
    others: fc.boolean(),
    extra: fc.nat(9),
  });
  fc.assert(
    fc.property(shape, ({ errno, capped, reason, others, extra }) => {
      // A request need not be a multiple of 4 bytes long.
      const echoed = Buffer.concat([request, Buffer.alloc(extra, 0xff)]);
      echoed.writeUInt32LE(echoed.length, 0);
      same(readError(answer({ errno, capped, tlvs: extended(reason, others), echoed })), {
        errno,
        reason: reason ?? "",
      });
    }),
  );
  t.end();
});

t.test("an acknowledgement is no error; its sentence is a warning behind the header alone, capped or not", (t) => {
  for (const flags of [FlagsAck.CAPPED, 0]) {
    const plain = answer({ errno: 0, capped: true, tlvs: undefined });
    t.same(readError({ ...plain, flags }), { errno: 0, reason: "" });
    const warned = answer({ errno: 0, capped: true, tlvs: extended(sentence, true) });
    t.same(readError({ ...warned, flags: FlagsAck.ACK_TLVS | flags }), { errno: 0, reason: sentence });
  }
  t.end();
});

t.test("without NLM_F_ACK_TLVS what follows the request is no sentence", (t) => {
  const message = answer({ errno: Errno.EINVAL, capped: true, tlvs: extended(sentence, false) });
  t.same(readError({ ...message, flags: FlagsAck.CAPPED }), { errno: Errno.EINVAL, reason: "" });
  t.end();
});

t.test("the end of a dump says an errno and a sentence without an echo", (t) => {
  const done = (errno: number, tlvs: Buffer): Message => ({
    type: ControlType.DONE,
    flags: Flags.MULTI | (tlvs.length > 0 ? FlagsAck.ACK_TLVS : 0),
    sequence: 5,
    payload: Buffer.concat([netlink.putS32(-errno), tlvs]),
  });
  t.same(readError(done(0, Buffer.alloc(0))), { errno: 0, reason: "" });
  t.same(readError(done(Errno.EINVAL, Buffer.alloc(0))), { errno: Errno.EINVAL, reason: "" });
  t.same(readError(done(Errno.EINVAL, extended(sentence, true))), { errno: Errno.EINVAL, reason: sentence });
  t.end();
});

t.test("an answer that is cut short at any byte has the whole sentence, none, or is a RangeError", (t) => {
  for (const capped of [true, false]) {
    const message = answer({ errno: Errno.ERANGE, capped, tlvs: extended(sentence, true) });
    for (let length = 0; length <= message.payload.length; length++) {
      try {
        const { errno, reason } = readError({ ...message, payload: message.payload.subarray(0, length) });
        same(errno, Errno.ERANGE);
        ok(reason === "" || reason === sentence);
      } catch (error) {
        ok(error instanceof RangeError && length < 8, `${length} bytes: ${error}`);
      }
    }
    t.equal(readError(message).reason, sentence);
  }
  t.end();
});

t.test("an echoed length that is not true finds no sentence and does not read on", (t) => {
  for (const length of [0, 1, 0x7fff_ffff, 0xffff_ffff]) {
    const message = answer({ errno: Errno.EINVAL, capped: false, tlvs: extended(sentence, false) });
    const payload = Buffer.from(message.payload);
    payload.writeUInt32LE(length, 4);
    t.equal(readError({ ...message, payload }).errno, Errno.EINVAL, `length ${length}`);
  }
  t.end();
});

t.test("NetlinkError says what was being done, the errno's name and the kernel's sentence", (t) => {
  t.match(new NetlinkError("set eth0 up", Errno.EBUSY, sentence), {
    name: "NetlinkError",
    message: `set eth0 up: EBUSY (${sentence})`,
    what: "set eth0 up",
    errno: Errno.EBUSY,
    reason: sentence,
  });
  t.equal(new NetlinkError("set eth0 up", 200, "").message, "set eth0 up: errno 200");
  t.end();
});
