import { formatResult } from "../cni/print.ts";
import type { Result } from "../cni/result.ts";
import { parseNetworkConfig } from "../config/parse.ts";
import { networkOf } from "../ip/address.ts";
import { openIpam } from "../ipam/ipam.ts";
import { announce } from "../link/announce.ts";
import { attach, clearStaleAttachment, releaseParent } from "../link/attach.ts";
import { parentKey } from "../link/attachments.ts";
import { configureLink, enableIpv6 } from "../link/configure.ts";
import { openContainer } from "../link/container.ts";
import { hostPrefixes } from "../link/host-prefixes.ts";
import { ownerAlias, remove } from "../link/ipvlan.ts";
import { macText } from "../link/mac.ts";
import { modes } from "../link/modes.ts";
import { nameParent, overlapWarnings } from "../link/parent.ts";
import { openNetlink } from "../netlink/socket.ts";
import { inNamespace, namespaceIdentity } from "../system/namespace.ts";
import { planAddressing } from "./addressing.ts";
import type { Invocation } from "./invocation.ts";
import { Undo } from "./undo.ts";

/** Makes the container's interface with its addresses and routes. What was made is taken back when a later step fails. */
export function add(invocation: Invocation): void {
  const { environment, variables, stdin, print, warn } = invocation;
  const { containerId, ifname, netns } = environment;
  const { config, warnings } = parseNetworkConfig(stdin, environment);
  for (const warning of warnings) warn(warning);

  const { namespace, socket: container } = openContainer(netns);
  const host = openNetlink();
  const lower = config.linkInContainer ? container : host;
  const undo = new Undo(warn);
  try {
    const parent = nameParent(lower, config.parent);
    const attachment = {
      network: config.name,
      containerId,
      ifname,
      netns,
      parent: parentKey(parent.name, config.linkInContainer ? namespaceIdentity(namespace) : undefined),
      parentName: parent.name,
      linkInContainer: config.linkInContainer,
      mode: config.mode,
      flag: config.flag,
    };
    clearStaleAttachment(lower, config.name, containerId, ifname);
    const { link, parent: parentLink } = attach({ lower, container, namespace }, parent, attachment, config.mtu);
    undo.push(() => {
      remove(container, link);
      releaseParent(lower, attachment);
    });

    const ipam = openIpam({
      config,
      containerId,
      ifname,
      stdin,
      environment: variables,
      hostPrefixes: () => hostPrefixes(host),
    });
    const allocation = ipam.add();
    undo.push(() => ipam.del());

    const { addresses, routes } = planAddressing(config, allocation);
    const prefixes = addresses.map(({ address }) => address);
    const { routed } = modes[config.mode];
    if (routed) overlapWarnings(lower, parentLink, prefixes.map(networkOf)).forEach(warn);
    const presentRoutes = inNamespace(namespace, () => {
      if (prefixes.some(({ address }) => address.family === 6)) enableIpv6(link.name);
      const present = configureLink(container, link.index, ifname, ownerAlias(containerId), prefixes, routes);
      if (!routed)
        announce(
          link.index,
          link.address,
          prefixes.map(({ address }) => address),
        );
      return present;
    });

    const result: Result = {
      interfaces: [{ name: ifname, mac: macText(link.address), mtu: link.mtu, sandbox: netns }],
      ips: addresses.map((address) => ({ ...address, interface: 0 })),
      routes: presentRoutes,
      dns: config.dns ?? allocation.dns ?? {},
    };
    // A version that has no room for the result, or a runtime that does not listen any more, is a failure like any other.
    print(formatResult(result, config.cniVersion));
  } catch (error) {
    undo.run();
    throw error;
  }
}
