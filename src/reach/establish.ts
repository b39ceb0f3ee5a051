import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress, parseAddress } from "../ip/address.ts";
import { modes } from "../link/modes.ts";
import type { Attachment, RecordedHostAccess } from "../link/records.ts";
import type { Link } from "../netlink/link.ts";
import { NetlinkError, type NetlinkSocket } from "../netlink/socket.ts";
import { ensureProxies } from "./announce.ts";
import type { HostAddresses } from "./host-addresses.ts";
import { ensureHostLink } from "./host-link.ts";
import { addHostRoutes, addLocalRoutes } from "./host-routes.ts";
import { ensureSourceNat } from "./source-nat.ts";

/** Addresses of a record. */
export function addressesOf(texts: readonly string[]): Address[] {
  return texts.flatMap((text) => parseAddress(text) ?? []);
}

/**
 * Makes what the host needs for a container, or what is missing of it. Call it under the parent's lock.
 * @param existing the link that has the name of the host's link
 * @param recorded the attachment's, which is on record already
 * @param addresses the container's, as they are recorded
 * @param found the host's addresses
 */
export function establish(
  host: NetlinkSocket,
  parent: Link,
  existing: Link | undefined,
  attachment: Attachment,
  recorded: RecordedHostAccess,
  addresses: readonly Address[],
  found: readonly HostAddresses[],
): void {
  const { mode, flag } = attachment;
  const hostLink = ensureHostLink(host, parent, existing, mode, flag);
  if (modes[mode].routed) {
    const elsewhere = found.flatMap((one) => one.elsewhere);
    addLocalRoutes(host, parent.index, elsewhere);
  }
  const routes = addresses.map((address) => {
    return { address, source: found.find(({ family }) => family === address.family)?.source };
  });
  try {
    addHostRoutes(host, hostLink.index, routes, attachment, recorded.announced);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const what = routes.map(({ address }) => formatAddress(address)).join(" and ");
    throw new PluginError(ErrorCode.kernel, `the host's route to ${what} could not be added`, error.message);
  }
  if (recorded.translated) {
    const sources = found.flatMap(({ source }) => source ?? []);
    ensureSourceNat(hostLink.name, sources);
  }
  if (recorded.announced) ensureProxies(host, parent, hostLink);
}
