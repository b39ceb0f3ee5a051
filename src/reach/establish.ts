import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress, parseAddress } from "../ip/address.ts";
import { modes } from "../link/modes.ts";
import { isHostLink } from "../link/parent/mark.ts";
import type { Attachment, RecordedHostAccess } from "../link/records.ts";
import { type Link, linkByName } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { ensureProxies } from "./announce.ts";
import type { HostAddresses } from "./host-addresses.ts";
import { ensureHostLink, isReady } from "./host-link.ts";
import { addHostRoutes, addLocalRoutes, type HostRoute } from "./host-routes.ts";

/** Addresses of a record. */
export function addressesOf(texts: readonly string[]): Address[] {
  return texts.flatMap((text) => parseAddress(text) ?? []);
}

/**
 * Makes what the host needs for a container, or what is missing of it, but for the rules of netfilter (ensureSourceNat). Call it under
 * the parent's lock.
 * @param seen what had the name of the host's link before, if that was looked at
 * @param recorded the attachment's, which is on record already
 * @param addresses the container's, as they are recorded
 * @param found the host's addresses
 */
export function establish(
  host: NetlinkSocket,
  parent: Link,
  seen: Link | undefined,
  attachment: Attachment,
  recorded: RecordedHostAccess,
  addresses: readonly Address[],
  found: readonly HostAddresses[],
): void {
  const { mode, flag } = attachment;
  if (modes[mode].routed) {
    const elsewhere = found.flatMap((one) => one.elsewhere);
    addLocalRoutes(host, parent.index, elsewhere);
  }
  const routes = addresses.map((address): HostRoute => {
    return { address, source: found.find(({ family }) => family === address.family)?.source };
  });
  const add = ({ index }: Link) => addHostRoutes(host, index, routes, attachment, recorded.announced);
  // Where it was ready it is not looked at again: should the last container's DEL have taken it away since, the kernel tells.
  let hostLink = seen !== undefined && isHostLink(seen) && isReady(seen, mode, flag) ? seen : undefined;
  let failure = hostLink && add(hostLink);
  if (hostLink === undefined || failure !== undefined) {
    hostLink = ensureHostLink(host, parent, linkByName(host, recorded.link), mode, flag);
    failure = add(hostLink);
  }
  if (failure !== undefined) {
    const what = addresses.map(formatAddress).join(" and ");
    throw new PluginError(ErrorCode.kernel, `the host's route to ${what} could not be added`, failure.message);
  }
  if (recorded.announced) ensureProxies(host, parent, hostLink);
}
