import { readAttributes } from "../../netlink/attributes.ts";
import { IFLA_INFO_DATA, IFLA_LINKINFO } from "../../netlink/constants.ts";
import { type Link, linkQuery } from "../../netlink/link.ts";
import { get, type NetlinkSocket } from "../../netlink/socket.ts";

/** One of the attributes that a link's kind has of its own (IFLA_INFO_DATA). */
export function linkSetting(socket: NetlinkSocket, { index }: Link, type: number): Uint8Array | undefined {
  const info = readAttributes(get(socket, linkQuery(index)), 16).get(IFLA_LINKINFO);
  const data = info === undefined ? undefined : readAttributes(info).get(IFLA_INFO_DATA);
  return data === undefined ? undefined : readAttributes(data).get(type)?.slice();
}
