import { port } from "#system";
import { type Family, formatPrefix, type Prefix, toBytes } from "../../ip/address.ts";
import { readAttributes, readString, stringAttribute } from "../../netlink/attributes.ts";
import { NLM_F_REQUEST } from "../../netlink/constants.ts";
import { openNetfilter } from "../../netlink/nftables.ts";
import { dump, NetlinkError, type NetlinkSocket } from "../../netlink/socket.ts";
import { poolsOf } from "../pools.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

// linux/netfilter/nfnetlink.h, nf_tables.h, netfilter.h
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_GETRULE = 7;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_POLICY = 5;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NF_DROP = 0;
const hooks = { 1: "input", 3: "output" } as const;
/** NFPROTO_* */
const families: Readonly<Record<number, { readonly name: string; readonly of: readonly Family[] }>> = {
  1: { name: "inet", of: [4, 6] },
  2: { name: "ip", of: [4] },
  10: { name: "ip6", of: [6] },
};

interface Chain {
  readonly family: number;
  readonly table: string;
  readonly name: string;
  readonly hook: (typeof hooks)[keyof typeof hooks];
}

/**
 * In mode l3s what containers receive passes the host's input, and what they send its output: a chain there that drops what no rule
 * accepts cuts them off, unless one of its rules is about their subnet.
 */
export function checkFirewall({ networks }: Patient): HostFinding[] {
  const subnets = networks
    .filter(({ config }) => config.mode === "l3s")
    .flatMap(({ config }) =>
      poolsOf(config).flatMap(({ spans }) => spans.map(({ subnet }) => ({ subnet, network: config.name }))),
    );
  if (subnets.length === 0) return [];
  const socket = openNetfilter();
  try {
    return droppingChains(socket).flatMap((chain) => {
      const { name: family, of } = families[chain.family] as (typeof families)[number];
      const rules = rulesOf(socket, chain);
      return subnets
        .filter(({ subnet }) => of.includes(subnet.address.family) && !rules.some((rule) => mentions(rule, subnet)))
        .map(({ subnet, network }): HostFinding => {
          const side = `${subnet.address.family === 4 ? "ip" : "ip6"} ${chain.hook === "input" ? "daddr" : "saddr"}`;
          const where = `${family} ${chain.table} ${chain.name}`;
          return {
            id: "firewall",
            severity: "error",
            place: `network ${network}`,
            message: `the host's chain ${where} drops what no rule of it accepts, and in mode l3s ${chain.hook === "input" ? "what comes to" : "what is sent from"} ${formatPrefix(subnet)} passes it`,
            mend: `nft insert rule ${where} ${side} ${formatPrefix(subnet)} accept`,
          };
        });
    });
  } catch (error) {
    // No nf_tables in the kernel: nothing is dropped by it.
    if (error instanceof NetlinkError) return [];
    throw error;
  } finally {
    port.close(socket.fd);
  }
}

function droppingChains(socket: NetlinkSocket): readonly Chain[] {
  return list(socket, NFT_MSG_GETCHAIN, 0, []).flatMap((payload): Chain[] => {
    const attributes = readAttributes(payload, 4);
    const hook = attributes.get(NFTA_CHAIN_HOOK);
    const number = hook === undefined ? undefined : readBe32(readAttributes(hook).get(NFTA_HOOK_HOOKNUM));
    const family = payload[0] as number;
    if (readBe32(attributes.get(NFTA_CHAIN_POLICY)) !== NF_DROP || (number !== 1 && number !== 3)) return [];
    const [table, name] = [NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME].map((type) => readString(attributes.get(type)));
    if (table === undefined || name === undefined || !(family in families)) return [];
    return [{ family, table, name, hook: hooks[number] }];
  });
}

function rulesOf(socket: NetlinkSocket, { family, table, name }: Chain): readonly Uint8Array[] {
  return list(socket, NFT_MSG_GETRULE, family, [
    stringAttribute(NFTA_RULE_TABLE, table),
    stringAttribute(NFTA_RULE_CHAIN, name),
  ]);
}

function list(
  socket: NetlinkSocket,
  type: number,
  family: number,
  attributes: readonly ReturnType<typeof stringAttribute>[],
): Uint8Array[] {
  // struct nfgenmsg: u8 family, u8 version, be16 res_id
  const header = new Uint8Array([family, 0, 0, 0]);
  const request = {
    type: (NFNL_SUBSYS_NFTABLES << 8) | type,
    flags: NLM_F_REQUEST,
    header,
    attributes,
    what: "list rules",
  };
  return dump(socket, request);
}

function readBe32(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || bytes.length < 4) return undefined;
  return bytes.subarray(0, 4).reduce((value, byte) => value * 256 + byte, 0);
}

/** Whether a rule compares something with the subnet's address, as far as its length goes. */
function mentions(rule: Uint8Array, { address, length }: Prefix): boolean {
  const wanted = toBytes(address).subarray(0, Math.max(1, length >> 3));
  return rule.some((_, at) => wanted.every((byte, i) => rule[at + i] === byte));
}
