import { readAttributes, readU32 } from "./attributes.ts";
import { NETNSA_NSID, NLM_F_REQUEST, RTM_GETNSID } from "./constants.ts";
import { dump, type NetlinkSocket } from "./socket.ts";

/** struct rtgenmsg: u8 family, padded. */
const RTGENMSG = 4;

/**
 * The numbers under which the socket's namespace knows others: its links' lower devices lie there, or links of its own were moved
 * there (net/core/dev.c, dev_change_net_namespace).
 */
export function knownNamespaces(socket: NetlinkSocket): number[] {
  const header = new Uint8Array(RTGENMSG);
  const request = { type: RTM_GETNSID, flags: NLM_F_REQUEST, header, attributes: [], what: "list namespaces" };
  return dump(socket, request).flatMap((payload) => readU32(readAttributes(payload, RTGENMSG).get(NETNSA_NSID)) ?? []);
}
