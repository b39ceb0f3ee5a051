import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress } from "../ip/address.ts";
import { allTables, deleteTable, missingSources, openNetfilter, putSourceNat, sourcesIn } from "../netlink/nftables.ts";
import { closeNetlink } from "../netlink/socket.ts";
import { Errno } from "../system/errno.ts";
import { fileStatus } from "../system/files.ts";
import type { HostAddresses } from "./host-addresses.ts";

/*
 * A packet for a Service, or for a port of the host, comes to a container with the destination that the host's netfilter gave it. The
 * container's answer does not come back that way: to another container of the parent, and in mode l2 to anybody, ipvlan takes it
 * there directly, with a source that the asker has not asked. With the host's address as the source of the question, the answer goes to
 * the host. In mode l3s what comes in from the wire is handed to the container by ipvlan, and not by the host's link: such an asker
 * keeps its address.
 */

/** Name of the table of a host link's rules, in nf_tables' families ip and ip6. */
export function natTable(hostLink: string): string {
  return `ipvlan-cni-${hostLink}`;
}

/** Before `srcnat` (100), where kube-proxy and portmap have their rules: the first one to change a source wins. */
const priority = 95;

/**
 * Makes the tables for a host link where one is missing, or gives another source. That is looked at each time: a firewall that is
 * loaded anew begins with `flush ruleset`.
 *
 * Call it without the parent's lock, as the kernel may have modules to load, behind the container's routes: while there is one over
 * the host link, nobody takes the tables away.
 * @param found the host's addresses
 */
export function ensureSourceNat(hostLink: string, found: readonly HostAddresses[]): void {
  const sources = found.flatMap(({ source }) => source ?? []);
  const table = natTable(hostLink);
  const socket = openNetfilter();
  try {
    const missing = missingSources(socket, table, sources);
    if (missing.length === 0) return;
    const failure = putSourceNat(
      socket,
      missing.map((source) => ({ family: source.family, table, oifname: hostLink, source, priority })),
    );
    if (failure === undefined) return;
    const lacks: readonly number[] = [Errno.ENOENT, Errno.EOPNOTSUPP, Errno.EAFNOSUPPORT, Errno.EPROTONOSUPPORT];
    const hint = lacks.includes(failure.errno)
      ? ": the kernel has no nf_tables with NAT (modprobe nft_chain_nat nft_ct)"
      : "";
    const addresses = missing.map(formatAddress).join(" and ");
    const message = `the rule that gives translated connections over ${hostLink} the source ${addresses} could not be made`;
    throw new PluginError(ErrorCode.kernel, message + hint, failure.message);
  } finally {
    closeNetlink(socket);
  }
}

/** The sources that the tables of the host link give. */
export function presentSources(hostLink: string): Address[] {
  const socket = openNetfilter();
  try {
    return sourcesIn(socket, natTable(hostLink), [4, 6]);
  } finally {
    closeNetlink(socket);
  }
}

/** Removes the tables of a host link; there may be none. */
export function removeSourceNat(hostLink: string): void {
  // Without connection tracking there is no such table, and the question alone would load nf_tables.
  if (fileStatus("/proc/sys/net/netfilter/nf_conntrack_count") === undefined) return;
  const socket = openNetfilter();
  try {
    const table = natTable(hostLink);
    for (const { family, name } of allTables(socket)) if (name === table) deleteTable(socket, family, table);
  } finally {
    closeNetlink(socket);
  }
}
