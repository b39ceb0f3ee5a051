import { requireCommand } from "../cni/versions.ts";
import { configuredFamilies } from "../config/families.ts";
import { parseNetworkConfig } from "../config/parse.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { openIpam } from "../ipam/open.ts";
import { hostPrefixes } from "../link/host-prefixes.ts";
import { refuseSmallMtu } from "../link/ipv6.ts";
import { requireIpvlan } from "../link/ipvlan.ts";
import { chooseParent } from "../link/parent/choose.ts";
import { checkParentUsable } from "../link/parent/ensure.ts";
import { type PortWish, refuseConflict } from "../link/parent/shared-port.ts";
import {
  attachmentsOfNetwork,
  attachmentsOnParent,
  olderAttachments,
  parentKey,
  recordedPort,
} from "../link/records.ts";
import type { Link } from "../netlink/link.ts";
import { type NetlinkSocket, openNetlink } from "../netlink/socket.ts";
import { requireHostAccess } from "../reach/status.ts";
import { homeNamespace, namespaceIdentity } from "../system/namespace.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Says whether an ADD could work now.
 * @throws PluginError 50 with the reason why it could not; 51 where the reason lies in the parent of containers that the
 *   network has already
 */
export function status(invocation: Invocation): void {
  const { environment, variables, stdin } = invocation;
  const { config } = parseNetworkConfig(stdin, environment);
  requireCommand("STATUS", config.cniVersion);
  const host = openNetlink();
  try {
    requireIpvlan(host);
    // A parent in the container, or one that an earlier plugin makes, is not there before the container is.
    if (!config.linkInContainer && config.parent.kind !== "chained") {
      const link = checkParentUsable(host, chooseParent(host, config.parent), config.mtu);
      if (link !== undefined) {
        if (configuredFamilies(config.ipam).includes(6)) refuseSmallMtu(link, config.mtu);
        checkPort(host, link, config);
        requireHostAccess(host, link, config);
      }
    }
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    const concernsOthers =
      error.code === ErrorCode.parent &&
      attachmentsOfNetwork(config.name, namespaceIdentity(homeNamespace())).length > 0;
    const code = concernsOthers ? ErrorCode.notAvailableLimited : ErrorCode.notAvailable;
    throw new PluginError(code, error.message, error.details);
  }
  openIpam({
    config,
    containerId: "",
    ifname: "",
    stdin,
    environment: variables,
    hostPrefixes: (within) => hostPrefixes(host, within),
    isHostAddress: () => false,
  }).status();
}

function checkPort(host: NetlinkSocket, parent: Link, wish: PortWish): void {
  const key = parentKey(parent.index, namespaceIdentity(homeNamespace()));
  const older = olderAttachments({ name: parent.name, namespaceInContainer: undefined });
  const recorded = older.length > 0 ? "of an earlier version" : recordedPort(key);
  refuseConflict(host, parent, wish, recorded, () => [...attachmentsOnParent(key), ...older]);
}
