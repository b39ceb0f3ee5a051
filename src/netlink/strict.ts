import { port } from "#system";
import type { Request } from "./message.ts";
import { dump, type NetlinkSocket } from "./socket.ts";

const SOL_NETLINK = 270;
const NETLINK_GET_STRICT_CHK = 12;

/**
 * As {@link dump}, with the kernel looking at what the request says of the objects wanted: their table, protocol or link. Kernels
 * before 4.20 do not, and answer with all: the caller looks at the answers as well.
 */
export function dumpStrictly(socket: NetlinkSocket, request: Request): Uint8Array[] {
  setStrict(socket, 1);
  try {
    return dump(socket, request);
  } finally {
    // Other lists are asked for with headers that would count as a filter.
    setStrict(socket, 0);
  }
}

function setStrict(socket: NetlinkSocket, value: number): void {
  port.setsockopt(socket.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, new Uint8Array([value, 0, 0, 0]), 4);
}
