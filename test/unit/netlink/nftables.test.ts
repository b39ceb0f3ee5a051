// Messages of nf_tables: what a question says, and what the kernel's answers mean. That a whole table is what nft(8) shows is seen on
// a kernel, in kernel/reach/services.
import t from "tap";
import { type Address, parseAddress } from "../../../src/ip/address.ts";
import { missingSources } from "../../../src/netlink/nftables.ts";
import { type Answer, fakeKernel } from "./lib/fake-kernel.ts";
import { ControlType } from "./lib/oracle.ts";

const [NEWCHAIN, GETCHAIN] = [0x0a03, 0x0a04];
const [CHAIN_TABLE, CHAIN_NAME, CHAIN_USE] = [1, 3, 6];
const ENOENT = 2;
const at = (text: string) => parseAddress(text) as Address;
const sources = [at("192.0.2.1"), at("2001:db8::1")];

function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

/** struct nfgenmsg: family, version, resource. */
const header = (family: number) => Buffer.from([family, 0, 0, 0]);

/** A chain that so many rules are in. */
function chain(seq: number, rules: number): Answer {
  const use = Buffer.alloc(4);
  use.writeUInt32BE(rules);
  return { type: NEWCHAIN, seq, data: Buffer.concat([header(2), attribute(CHAIN_USE, use)]) };
}

function refusal(seq: number, errno: number): Answer {
  const data = Buffer.alloc(20);
  data.writeInt32LE(-errno);
  return { type: ControlType.ERROR, seq, data };
}

t.test("a chain is asked for by table and name, in its family, without a list", (t) => {
  const kernel = fakeKernel(t, ({ seq }) => [chain(seq, 1)]);
  t.same(missingSources(kernel.socket, "ipvlan-cni-ivh2", sources), []);
  t.equal(kernel.sent.length, 2);
  const [first, second] = kernel.sent;
  const asked = (family: number, name: string) =>
    Buffer.concat([
      header(family),
      attribute(CHAIN_TABLE, Buffer.from("ipvlan-cni-ivh2\0")),
      attribute(CHAIN_NAME, Buffer.from(`${name}\0`)),
    ]).toString("hex");
  t.equal(first?.type, GETCHAIN);
  t.equal(first?.flags, 1);
  t.equal(first?.data.toString("hex"), asked(2, "snat_c0000201"));
  t.equal(second?.data.toString("hex"), asked(10, "snat_20010db8000000000000000000000001"));
  t.end();
});

t.test("missing is what has no chain, or one without a rule", (t) => {
  const cases: [what: string, answers: (seq: number) => Answer][] = [
    ["the table or its chain is gone", (seq) => refusal(seq, ENOENT)],
    ["its rules were flushed", (seq) => chain(seq, 0)],
    ["the answer says nothing", (seq) => ({ type: NEWCHAIN, seq, data: header(2) })],
  ];
  for (const [what, answer] of cases) {
    const kernel = fakeKernel(t, ({ seq }) => [seq === 1 ? answer(seq) : chain(seq, 2)]);
    t.same(missingSources(kernel.socket, "t", sources), [sources[0]], what);
  }
  t.end();
});
