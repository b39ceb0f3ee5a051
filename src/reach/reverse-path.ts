import { ErrorCode, PluginError } from "../errors.ts";
import type { Link } from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
import { readSettings, settingsQuery } from "../netlink/netconf.ts";
import { exchange, type NetlinkSocket, type Outcome } from "../netlink/socket.ts";
import { sysctlName, writeSetting } from "./settings.ts";

const STRICT = 1;
const ALL = -1;

/**
 * Whether the host drops what containers send it in mode l2: it comes in at the parent, and the way back to its source is the host
 * link, which strict reverse path filtering does not let pass (ip-sysctl, rp_filter: the larger of `all` and the link's own counts).
 */
export function isStrict(host: NetlinkSocket, parent: Link): boolean {
  return isStrictBy(exchange(host, strictnessQueries(parent)));
}

/** The same for who has more to ask in one send: the questions, whose outcomes are for {@link isStrictBy}. */
export function strictnessQueries(parent: Link): Request[] {
  return [settingsQuery(4, ALL), settingsQuery(4, parent.index)];
}

export function isStrictBy(answers: readonly Outcome[]): boolean {
  const values = answers.map((answer) => (answer instanceof Uint8Array ? readSettings(answer).rpFilter : 0));
  return Math.max(...values) === STRICT;
}

/** The error for a parent whose filtering is strict, with what mends it. */
export function strictError({ name }: Link): PluginError {
  return new PluginError(
    ErrorCode.hostAccess,
    `reverse path filtering of ${name} is strict, which drops what containers send to this host in mode l2: ` +
      `sysctl -w ${sysctlName(4, name, "rp_filter")}=2, or "setRpFilter": true and the plugin does it`,
    "/setRpFilter",
  );
}

export function setLoose({ name }: Link): void {
  writeSetting(`/proc/sys/net/ipv4/conf/${name}/rp_filter`, "2");
}
