import type { Attachment } from "../cni/gc.ts";
import type { RemovalConfig } from "../config/removal.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { errnoName, SystemError } from "../system/errno.ts";
import { remedy } from "../system/remedy.ts";
import { openBuiltin } from "./builtin.ts";
import { openDelegate } from "./delegate.ts";
import { openHostLocal } from "./host-local.ts";
import type { Ipam, IpamContext } from "./ipam.ts";
import { openPrevious } from "./previous.ts";
import { releaseOthers } from "./reservations.ts";
import { openStatic } from "./static.ts";
import { releaseHolder } from "./store.ts";

/** The IPAM that the configuration names. Nothing is read or written before a method is called. */
export function openIpam(context: IpamContext): Ipam {
  const ipam = open(context);
  return {
    releasesOverLink: ipam.releasesOverLink,
    add: (avoided) => named(() => ipam.add(avoided)),
    del: () => named(() => ipam.del()),
    check: (previous) => named(() => ipam.check(previous)),
    gc: (valid) => named(() => ipam.gc(valid)),
    status: () => named(() => ipam.status()),
  };
}

function open(context: IpamContext): Ipam {
  const { ipam } = context.config;
  switch (ipam.type) {
    case "builtin":
      return openBuiltin(context, ipam);
    case "host-local":
      return openHostLocal(context, ipam);
    case "static":
      return openStatic(context, ipam);
    case "delegate":
      return openDelegate({ ...context, cniVersion: context.config.cniVersion }, ipam.plugin);
    case "previous":
      return openPrevious(context);
  }
}

/** What DEL and GC need; see {@link RemovalConfig}. */
export interface RemovalContext extends Attachment {
  readonly config: Pick<RemovalConfig, "cniVersion" | "name" | "ipam">;
  readonly stdin: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * DEL and GC for a configuration that need not make sense beyond its name and IPAM type. For GC the attachment is
 * empty.
 */
export function openForRemoval(context: RemovalContext): Pick<Ipam, "releasesOverLink" | "del" | "gc"> {
  const { name, ipam, cniVersion } = context.config;
  switch (ipam.type) {
    case "builtin":
    case "host-local":
      return {
        releasesOverLink: false,
        del: () => releaseReservations(ipam.dataDir, name, context.containerId, context.ifname),
        gc: (valid) => named(() => releaseOthers(ipam.dataDir, name, valid)),
      };
    case "delegate":
      return openDelegate({ ...context, cniVersion }, ipam.plugin);
    case "static":
      return { releasesOverLink: false, del() {}, gc() {} };
  }
}

/**
 * Gives back what the container's interface holds in the network, by the built-in allocator or host-local: all that a
 * DEL needs to know, for one whose configuration can no longer be read in full. Succeeds when there is nothing.
 */
export function releaseReservations(dataDir: string, network: string, containerId: string, ifname: string): void {
  named(() => releaseHolder(dataDir, network, { containerId, ifname }));
}

/** A system call that failed here was about the reservations: says so, with the spec's code for input and output. */
function named<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const what = `address reservations: ${error.path}: ${errnoName(error.errno)}${remedy(error.errno)}`;
    throw new PluginError(ErrorCode.ioFailure, what, `${error.call} ${errnoName(error.errno)}`);
  }
}
