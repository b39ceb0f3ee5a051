import { linkByIndex } from "../../netlink/link.ts";
import type { NetlinkSocket } from "../../netlink/socket.ts";

/** The links' names for a message: "eth0, eth1". */
export function linkNames(socket: NetlinkSocket, indexes: readonly number[]): string {
  return indexes.map((index) => linkByIndex(socket, index)?.name ?? `link ${index}`).join(", ");
}
