import { ErrorCode, PluginError } from "../errors.ts";
import type { Link } from "../netlink/link.ts";
import { errnoName, SystemError } from "../system/errno.ts";
import { readText, writeExisting } from "../system/files.ts";

/** RFC 8200, section 5: on a link with less the kernel has no IPv6. Bytes. */
const leastMtu = 1280;

/** Refuses a parent whose MTU leaves its ipvlans without IPv6. @param mtu of the ipvlan, 0 for the parent's */
export function refuseSmallMtu({ name, mtu: parents }: Pick<Link, "name" | "mtu">, mtu: number): void {
  if ((mtu || parents) >= leastMtu) return;
  throw new PluginError(
    ErrorCode.parent,
    `parent ${name} has MTU ${parents}, and IPv6 needs ${leastMtu}: ip link set ${name} mtu ${leastMtu}, or leave IPv6 out`,
    "/master",
  );
}

/**
 * Makes IPv6 work on the link; call it inside the namespace. As the reference plugins (plugins, pkg/ipam, ConfigureIface):
 * - it is turned on where the namespace has it off, for lo as well: packets to the container's own address take that way;
 * - the addresses stay when the link is set down, and neighbours hear of another hardware address.
 *
 * Only what differs is written: /proc/sys may be read-only, as it is where the plugin runs in a container.
 * @returns warnings: settings that could not be made and that the container can do without
 */
export function enableIpv6(ifname: string): string[] {
  const settings = `/proc/sys/net/ipv6/conf/${ifname}`;
  const path = `${settings}/disable_ipv6`;
  if (readText(path) === undefined) {
    throw new PluginError(ErrorCode.kernel, "the kernel has no IPv6, and the network has an IPv6 address", path);
  }
  change(path, "0");
  const warnings: string[] = [];
  for (const [path, value] of [
    ["/proc/sys/net/ipv6/conf/lo/disable_ipv6", "0"],
    [`${settings}/keep_addr_on_down`, "1"],
    [`${settings}/ndisc_notify`, "1"],
  ] as const) {
    try {
      change(path, value);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      warnings.push(`${path} could not be set to ${value}: ${errnoName(error.errno)}`);
    }
  }
  return warnings;
}

/**
 * Turns IPv6 off on a link that is down, which gets no IPv6 address: else it had a link-local one, and a router's advertisements
 * would give it others, and a default route, that nobody asked for. Call it inside the namespace.
 * @returns a warning, where it cannot be turned off
 */
export function disableIpv6(ifname: string): string[] {
  const path = `/proc/sys/net/ipv6/conf/${ifname}/disable_ipv6`;
  try {
    writeExisting(path, "1");
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const present = readText(path)?.trim() ?? "1";
    if (present !== "1") return [`${path} could not be set to 1: ${errnoName(error.errno)}`];
  }
  return [];
}

/** Makes a setting what it is to be. One that this kernel does not have is passed over. */
function change(path: string, value: string): void {
  const present = readText(path);
  if (present !== undefined && present.trim() !== value) writeExisting(path, value);
}
