import { port } from "#system";
import { type Address, type Family, fromBytes, toBytes } from "../ip/address.ts";
import { check } from "../system/errno.ts";
import { encode } from "../system/text.ts";
import { addressFamily } from "./address.ts";
import {
  type Attribute,
  be32Attribute,
  bytesAttribute,
  listAttributes,
  nestAttribute,
  readAttribute,
  readAttributes,
  readString,
  stringAttribute,
} from "./attributes.ts";
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST, NLMSG_ERROR } from "./constants.ts";
import { encodeRequests, type Request, readError } from "./message.ts";
import { dump, exchange, NetlinkError, type NetlinkSocket, openSocket, receive } from "./socket.ts";

/** Numbers of linux/netfilter/nfnetlink.h and nf_tables.h, by their names there. */
const NETLINK_NETFILTER = 12;
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 16;
const NFNL_MSG_BATCH_END = 17;
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_GETTABLE = 1;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_GETRULE = 7;
const NFTA_TABLE_NAME = 1;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_USE = 6;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_RULE_USERDATA = 7;
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_IMMEDIATE_DATA = 2;
const NFT_REG_1 = 1;
const NFT_CMP_EQ = 0;
const NFT_CMP_NEQ = 1;
const NFT_META_OIFNAME = 7;
const NFT_CT_STATUS = 2;
const NFT_NAT_SNAT = 0;
const NF_INET_POST_ROUTING = 4;
const IPS_DST_NAT = 1 << 5;
const IFNAMSIZ = 16;

/** A table of ours: one chain of source NAT, one rule in it. */
export interface SourceNatTable {
  readonly family: Family;
  /** Name of the table. */
  readonly table: string;
  /** Only packets that leave over this link, and whose destination the host's netfilter has changed. */
  readonly oifname: string;
  /** The source that they get. */
  readonly source: Address;
  /** Of the chain's hook: lower ones come first. */
  readonly priority: number;
}

/** A netlink socket for netfilter in the namespace that this process is in now. */
export function openNetfilter(): NetlinkSocket {
  return openSocket(NETLINK_NETFILTER);
}

/**
 * Makes the tables with all that is in them, or nothing:
 * `chain snat_SOURCE { type nat hook postrouting priority P; oifname LINK ct status dnat snat to SOURCE }`.
 * A table that is there already is replaced.
 */
export function putSourceNat(socket: NetlinkSocket, tables: readonly SourceNatTable[]): NetlinkError | undefined {
  return transaction(
    socket,
    tables.flatMap((one) => {
      const name = (type: number) => stringAttribute(type, one.table);
      const chain = chainOf(one.source);
      const hook = nestAttribute(NFTA_CHAIN_HOOK, [
        be32Attribute(NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING),
        be32Attribute(NFTA_HOOK_PRIORITY, one.priority),
      ]);
      return [
        // Made where it is missing, so that the removal does not fail.
        message(NFT_MSG_NEWTABLE, one.family, [name(NFTA_TABLE_NAME)], NLM_F_CREATE),
        message(NFT_MSG_DELTABLE, one.family, [name(NFTA_TABLE_NAME)], 0),
        message(NFT_MSG_NEWTABLE, one.family, [name(NFTA_TABLE_NAME)], NLM_F_CREATE),
        message(
          NFT_MSG_NEWCHAIN,
          one.family,
          [
            name(NFTA_CHAIN_TABLE),
            stringAttribute(NFTA_CHAIN_NAME, chain),
            hook,
            stringAttribute(NFTA_CHAIN_TYPE, "nat"),
          ],
          NLM_F_CREATE,
        ),
        message(
          NFT_MSG_NEWRULE,
          one.family,
          [
            name(NFTA_RULE_TABLE),
            stringAttribute(NFTA_RULE_CHAIN, chain),
            nestAttribute(NFTA_RULE_EXPRESSIONS, sourceNatRule(one)),
            bytesAttribute(NFTA_RULE_USERDATA, comment("made by ipvlan-cni")),
          ],
          NLM_F_CREATE,
        ),
      ];
    }),
  );
}

/** A chain's name tells the source that its rule gives: to ask for it takes a tenth of reading rules. */
function chainOf({ family, value }: Address): string {
  return `snat_${value.toString(16).padStart(family === 4 ? 8 : 32, "0")}`;
}

/** Those of the sources of which the table of this name has no chain with a rule. */
export function missingSources(socket: NetlinkSocket, table: string, sources: readonly Address[]): Address[] {
  const questions = sources.map((source) => {
    const attributes = [stringAttribute(NFTA_CHAIN_TABLE, table), stringAttribute(NFTA_CHAIN_NAME, chainOf(source))];
    return { ...message(NFT_MSG_GETCHAIN, source.family, attributes, 0), what: "look up a chain of nf_tables" };
  });
  const outcomes = exchange(socket, questions);
  return sources.filter((_, place) => {
    const outcome = outcomes[place];
    const rules = outcome instanceof Uint8Array ? readAttribute(outcome, 4, NFTA_CHAIN_USE) : undefined;
    return rules === undefined || rules.every((byte) => byte === 0);
  });
}

/** Removes a table and all that is in it. The kernel answers ENOENT where there is none. */
export function deleteTable(socket: NetlinkSocket, family: Family, table: string): NetlinkError | undefined {
  return transaction(socket, [message(NFT_MSG_DELTABLE, family, [stringAttribute(NFTA_TABLE_NAME, table)], 0)]);
}

/** All tables of nf_tables' families ip and ip6. */
export function allTables(socket: NetlinkSocket): { family: Family; name: string }[] {
  return ([4, 6] as const).flatMap((family) => {
    const question = { ...message(NFT_MSG_GETTABLE, family, [], 0), what: "list tables of nf_tables" };
    return dump(socket, question).map((payload) => {
      return { family, name: readString(readAttributes(payload, 4).get(NFTA_TABLE_NAME)) ?? "" };
    });
  });
}

/** The source addresses that the rules in the tables of this name give. */
export function sourcesIn(socket: NetlinkSocket, table: string, families: readonly Family[]): Address[] {
  // Asked for any family, the kernel answers with the first table of the name alone.
  return families.flatMap((family) => {
    const question = message(NFT_MSG_GETRULE, family, [stringAttribute(NFTA_RULE_TABLE, table)], 0);
    return dump(socket, { ...question, what: "list rules of nf_tables" }).flatMap((payload) => {
      const attributes = readAttributes(payload, 4);
      return readString(attributes.get(NFTA_RULE_TABLE)) === table
        ? immediateAddresses(attributes.get(NFTA_RULE_EXPRESSIONS) ?? new Uint8Array())
        : [];
    });
  });
}

/** The addresses that a rule's expressions load. */
function immediateAddresses(expressions: Uint8Array): Address[] {
  return listAttributes(expressions).flatMap(({ value }) => {
    if (readString(readAttribute(value, 0, NFTA_EXPR_NAME)) !== "immediate") return [];
    const within = (bytes: Uint8Array | undefined, type: number) => bytes && readAttribute(bytes, 0, type);
    const content = within(readAttribute(value, 0, NFTA_EXPR_DATA), NFTA_IMMEDIATE_DATA);
    const address = within(content, NFTA_DATA_VALUE);
    return address?.length === 4 || address?.length === 16 ? [fromBytes(address)] : [];
  });
}

/** What nft(8) shows behind `comment`: the type 0, the length, the text with its NUL. */
function comment(text: string): Uint8Array {
  const bytes = encode(`${text}\0`);
  return new Uint8Array([0, bytes.length, ...bytes]);
}

function sourceNatRule({ family, oifname, source }: SourceNatTable): Attribute[] {
  const name = new Uint8Array(IFNAMSIZ);
  name.set(encode(oifname));
  const dnat = new Uint8Array([IPS_DST_NAT, 0, 0, 0]);
  return [
    // meta load oifname => reg 1; cmp eq reg 1 NAME
    expression("meta", [be32Attribute(2, NFT_META_OIFNAME), be32Attribute(1, NFT_REG_1)]),
    compare(NFT_CMP_EQ, name),
    // ct load status => reg 1; reg 1 = reg 1 & dnat; cmp neq reg 1 0
    expression("ct", [be32Attribute(2, NFT_CT_STATUS), be32Attribute(1, NFT_REG_1)]),
    expression("bitwise", [
      be32Attribute(1, NFT_REG_1),
      be32Attribute(2, NFT_REG_1),
      be32Attribute(3, dnat.length),
      data(4, dnat),
      data(5, new Uint8Array(dnat.length)),
    ]),
    compare(NFT_CMP_NEQ, new Uint8Array(dnat.length)),
    // immediate reg 1 SOURCE; nat snat FAMILY addr_min reg 1
    expression("immediate", [be32Attribute(1, NFT_REG_1), data(NFTA_IMMEDIATE_DATA, toBytes(source))]),
    expression("nat", [
      be32Attribute(1, NFT_NAT_SNAT),
      be32Attribute(2, addressFamily(family)),
      be32Attribute(3, NFT_REG_1),
    ]),
  ];
}

/** NFTA_CMP_SREG, NFTA_CMP_OP, NFTA_CMP_DATA */
function compare(operator: number, value: Uint8Array): Attribute {
  return expression("cmp", [be32Attribute(1, NFT_REG_1), be32Attribute(2, operator), data(3, value)]);
}

function data(type: number, value: Uint8Array): Attribute {
  return nestAttribute(type, [bytesAttribute(NFTA_DATA_VALUE, value)]);
}

function expression(name: string, attributes: readonly Attribute[]): Attribute {
  return nestAttribute(NFTA_LIST_ELEM, [
    stringAttribute(NFTA_EXPR_NAME, name),
    nestAttribute(NFTA_EXPR_DATA, attributes),
  ]);
}

/** struct nfgenmsg: u8 family, u8 version, be16 resource. */
function message(type: number, family: Family, attributes: readonly Attribute[], flags: number): Request {
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | type,
    flags: NLM_F_REQUEST | flags,
    header: new Uint8Array([addressFamily(family), 0, 0, 0]),
    attributes,
    what: "change nf_tables",
  };
}

function border(type: number): Request {
  const header = new Uint8Array([0, 0, 0, NFNL_SUBSYS_NFTABLES]);
  return { type, flags: NLM_F_REQUEST, header, attributes: [], what: "change nf_tables" };
}

/** All of the messages or none (Documentation of nfnetlink's batches). @returns the first error */
function transaction(socket: NetlinkSocket, messages: readonly Request[]): NetlinkError | undefined {
  const last = messages.at(-1) as Request;
  const all = [
    border(NFNL_MSG_BATCH_BEGIN),
    ...messages.slice(0, -1),
    { ...last, flags: last.flags | NLM_F_ACK },
    border(NFNL_MSG_BATCH_END),
  ];
  const first = socket.sequence;
  socket.sequence += all.length;
  const bytes = encodeRequests(all, first);
  check(port.write(socket.fd, bytes, bytes.length), "write", "AF_NETLINK");
  // An error comes with the sequence number of its message, or of the first where it is the whole's; all of them come before
  // the answer to the last one.
  let failure: NetlinkError | undefined;
  for (;;) {
    for (const { type, sequence, payload, flags } of receive(socket)) {
      if (type !== NLMSG_ERROR || sequence < first) continue;
      const { errno, reason } = readError({ type, sequence, payload, flags });
      if (errno !== 0) failure ??= new NetlinkError("change nf_tables", errno, reason);
      if (sequence === first || sequence === first + messages.length) return failure;
    }
  }
}
