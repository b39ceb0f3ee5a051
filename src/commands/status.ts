import { requireCommand } from "../cni/versions.ts";
import { configuredFamilies } from "../config/families.ts";
import { parseNetworkConfig } from "../config/parse.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { openIpam } from "../ipam/open.ts";
import { hostPrefixes } from "../link/host-prefixes.ts";
import { refuseSmallMtu } from "../link/ipv6.ts";
import { requireIpvlan } from "../link/ipvlan.ts";
import { nameParent } from "../link/parent/choose.ts";
import { checkParentUsable } from "../link/parent/ensure.ts";
import { refuseConflict } from "../link/parent/shared-port.ts";
import { attachmentsOfNetwork, parentKey } from "../link/records.ts";
import { openNetlink } from "../netlink/socket.ts";
import { requireHostAccess } from "../reach/status.ts";
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
      const link = checkParentUsable(host, nameParent(host, config.parent));
      const { mode, flag } = config;
      if (link !== undefined) {
        if (configuredFamilies(config.ipam).includes(6)) refuseSmallMtu(link, config.mtu);
        refuseConflict(host, link, { parent: parentKey(link.name, undefined), mode, flag });
        requireHostAccess(host, link, config);
      }
    }
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    const concernsOthers = error.code === ErrorCode.parent && attachmentsOfNetwork(config.name).length > 0;
    const code = concernsOthers ? ErrorCode.notAvailableLimited : ErrorCode.notAvailable;
    throw new PluginError(code, error.message, error.details);
  }
  openIpam({
    config,
    containerId: "",
    ifname: "",
    stdin,
    environment: variables,
    hostPrefixes: () => hostPrefixes(host),
  }).status();
}
