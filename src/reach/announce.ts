import { port } from "#system";
import { ErrorCode, PluginError } from "../errors.ts";
import type { Address, Family } from "../ip/address.ts";
import type { Link } from "../netlink/link.ts";
import { proxiesOn, putProxy } from "../netlink/neighbour.ts";
import { readSettings, settingsQuery } from "../netlink/netconf.ts";
import type { KernelRoute } from "../netlink/route.ts";
import { exchange, execute, type NetlinkSocket } from "../netlink/socket.ts";
import { announcement } from "./frames.ts";
import { hostRoutes } from "./host-routes.ts";
import { isAnnounced } from "./owner.ts";
import { openPacketSocket, sendFrame } from "./packet-socket.ts";
import { sysctlName, writeSetting } from "./settings.ts";

/*
 * In modes l3 and l3s containers answer no ARP and no neighbour solicitation: the host does it for them, by proxy entries on the parent.
 * The kernel goes by an entry if the link forwards, and the address's route is over another link, the host's link here.
 */

/** The families in which the parent does not forward, and so answers for nobody. */
export function withoutForwarding(host: NetlinkSocket, parent: Link, families: readonly Family[]): Family[] {
  const answers = exchange(
    host,
    families.map((family) => settingsQuery(family, parent.index)),
  );
  return families.filter((_, i) => {
    const answer = answers[i];
    return !(answer instanceof Uint8Array) || !readSettings(answer).forwarding;
  });
}

/** The error for a parent that does not forward. */
export function forwardingError({ name }: Link, families: readonly Family[]): PluginError {
  const settings = families.map((family) => `${sysctlName(family, name, "forwarding")}=1`).join(" ");
  return new PluginError(
    ErrorCode.hostAccess,
    `announce needs forwarding: without it the kernel answers no ARP and no neighbour solicitation for others: sysctl -w ${settings}`,
    "/announce",
  );
}

/**
 * Has the host answer for all containers that are announced on the parent, also for those whose entries were lost: they go when the
 * parent is set down. Call it under the parent's lock.
 */
export function ensureProxies(host: NetlinkSocket, parent: Link, hostLink: Link): void {
  const { name } = parent;
  writeSetting(`/proc/sys/net/ipv6/conf/${name}/proxy_ndp`, "1");
  // Answers for others are held back for up to 0.8 s otherwise.
  writeSetting(`/proc/sys/net/ipv4/neigh/${name}/proxy_delay`, "0");
  writeSetting(`/proc/sys/net/ipv6/neigh/${name}/proxy_delay`, "0");
  const missing = missingProxies(host, parent, hostRoutes(host, hostLink.index));
  if (missing.length === 0) return;
  execute(
    host,
    missing.map((address) => putProxy(parent.index, address)),
  );
}

/** Those of the routes' addresses that are to be answered for, and are not. */
export function missingProxies(host: NetlinkSocket, parent: Link, routes: readonly KernelRoute[]): Address[] {
  const wanted = routes.filter(({ priority }) => isAnnounced(priority)).map(({ dst }) => dst.address);
  if (wanted.length === 0) return [];
  const present = new Set(proxiesOn(host, parent.index).map(({ address }) => `${address.family} ${address.value}`));
  return wanted.filter(({ family, value }) => !present.has(`${family} ${value}`));
}

/** Tells all machines of the parent's network that these addresses are at its MAC: those who knew another one go by this one. */
export function announce(parent: Link, addresses: readonly Address[]): void {
  const socket = openPacketSocket(parent, 0);
  try {
    for (const address of addresses) sendFrame(socket, announcement(parent.address, address), parent);
  } finally {
    port.close(socket);
  }
}
