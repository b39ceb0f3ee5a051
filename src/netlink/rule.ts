import type { Family } from "../ip/address.ts";
import { addressFamily } from "./address.ts";
import { type Attribute, readAttributes, readU32, u8Attribute, u32Attribute } from "./attributes.ts";
import * as k from "./constants.ts";
import type { Request } from "./message.ts";
import { dump, type NetlinkSocket } from "./socket.ts";

/** A rule that has all packets of the family looked up in a table (ip-rule(8): "from all lookup TABLE"). */
export interface LookupRule {
  readonly family: Family;
  readonly priority: number;
  /** Below 256. */
  readonly table: number;
}

/** struct fib_rule_hdr: u8 family, dst_len, src_len, tos, table, two bytes, u8 action; u32 flags. */
function header(family: number, table: number): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes[0] = family;
  bytes[4] = table;
  bytes[7] = k.FR_ACT_TO_TBL;
  return bytes;
}

/**
 * Adds the rule, as the kernel's own: systemd-networkd removes those of other origins that it does not know
 * (networkd.conf(5), ManageForeignRoutingPolicyRules). The kernel answers EEXIST where it is there.
 */
export function addRule(rule: LookupRule): Request {
  return change(k.RTM_NEWRULE, k.NLM_F_CREATE | k.NLM_F_EXCL, rule, [u8Attribute(k.FRA_PROTOCOL, k.RTPROT_KERNEL)]);
}

/** Removes one such rule, whosever it is. The kernel answers ENOENT where there is none. */
export function deleteRule(rule: LookupRule): Request {
  return change(k.RTM_DELRULE, 0, rule, []);
}

function change(
  type: number,
  flags: number,
  { family, priority, table }: LookupRule,
  more: readonly Attribute[],
): Request {
  return {
    type,
    flags: k.NLM_F_REQUEST | k.NLM_F_ACK | flags,
    header: header(addressFamily(family), table),
    attributes: [u32Attribute(k.FRA_PRIORITY, priority), ...more],
    what: `${type === k.RTM_NEWRULE ? "add" : "remove"} rule ${priority}: lookup ${table}`,
  };
}

/** Whether there is a rule of this priority for this table. */
export function hasRule(socket: NetlinkSocket, { family, priority, table }: LookupRule): boolean {
  const request = {
    type: k.RTM_GETRULE,
    flags: k.NLM_F_REQUEST,
    header: new Uint8Array([addressFamily(family), ...new Uint8Array(11)]),
    attributes: [],
    what: "list rules",
  };
  return dump(socket, request).some((payload) => {
    const attributes = readAttributes(payload, 12);
    const inTable = readU32(attributes.get(k.FRA_TABLE)) ?? payload[4];
    return inTable === table && readU32(attributes.get(k.FRA_PRIORITY)) === priority;
  });
}
