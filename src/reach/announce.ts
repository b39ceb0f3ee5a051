import type { Address } from "../ip/address.ts";
import type { Link } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

export function announceAll(
  _host: NetlinkSocket,
  _parent: Link,
  _hostLink: Link,
  _addresses: readonly Address[],
): void {
  throw new Error("announce");
}
