import { configuredFamilies } from "../config/families.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import { modes } from "../link/modes.ts";
import type { Link } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { forwardingError, withoutForwarding } from "./announce.ts";
import { isStrict, strictError } from "./reverse-path.ts";

/** Says whether host access, and what builds on it, could work now on the parent. @throws PluginError 108 with the reason */
export function requireHostAccess(host: NetlinkSocket, parent: Link, { mode, ipam, reach }: NetworkConfig): void {
  if (reach === undefined) return;
  const families = configuredFamilies(ipam);
  const isLoosened = reach.setRpFilter;
  if (!modes[mode].routed && !isLoosened && families.includes(4) && isStrict(host, parent)) throw strictError(parent);
  if (!reach.announce) return;
  const silent = withoutForwarding(host, parent, families);
  if (silent.length > 0) throw forwardingError(parent, silent);
}
