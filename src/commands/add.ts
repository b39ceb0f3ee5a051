import { podIn } from "../cni/args.ts";
import { formatResult } from "../cni/print.ts";
import { isEmptyDns, type Result } from "../cni/result.ts";
import { isAtLeast } from "../cni/versions.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import { parseNetworkConfig } from "../config/parse.ts";
import { impliedRouteWarnings } from "../config/without-broadcast.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { networkOf, type Prefix } from "../ip/address.ts";
import { PoolIsFull } from "../ipam/exhausted.ts";
import { openIpam } from "../ipam/open.ts";
import { attach, clearStaleAttachment } from "../link/attach.ts";
import { addAddresses, setUpLink } from "../link/configure.ts";
import { openContainer } from "../link/container.ts";
import { isHostAddress } from "../link/host-addresses.ts";
import { hostPrefixes } from "../link/host-prefixes.ts";
import { disableIpv6, enableIpv6, refuseSmallMtu } from "../link/ipv6.ts";
import { ownerAlias, remove } from "../link/ipvlan.ts";
import { macText } from "../link/mac.ts";
import { modes } from "../link/modes.ts";
import { chooseParent } from "../link/parent/choose.ts";
import { releaseParent } from "../link/parent/release.ts";
import { routedWarnings } from "../link/parent/warnings.ts";
import { findAttachment } from "../link/records.ts";
import { openNetlink } from "../netlink/socket.ts";
import { addHostAccess, planHostAccess } from "../reach/add.ts";
import { refuseConflicts } from "../reach/conflicts.ts";
import { removeHostAccess } from "../reach/remove.ts";
import { homeNamespace, inNamespace, type Namespace, namespaceIdentity } from "../system/namespace.ts";
import { takeBackAbandoned } from "./abandoned.ts";
import { planAddressing } from "./addressing.ts";
import type { Invocation } from "./invocation.ts";
import { takeAddresses } from "./take-addresses.ts";
import { createUndo } from "./undo.ts";

/** Makes the container's interface with its addresses and routes. What was made is taken back when a later step fails. */
export function add(invocation: Invocation): void {
  const { environment, variables, stdin, print, warn } = invocation;
  const { containerId, ifname, netns } = environment;
  const { config, warnings: advice } = parseNetworkConfig(stdin, environment);
  advice.forEach(warn);

  const { namespace, socket: container } = openContainer(netns);
  if (!environment.netnsOverride) refuseOwnNamespace(namespace);
  const host = openNetlink();
  const lower = config.linkInContainer ? container : host;
  const places = { lower, container, namespace };
  const undo = createUndo(warn);
  try {
    const { linkInContainer, mode, flag, mtu } = config;
    const pod = podIn(environment.args);
    const wish = { network: config.name, containerId, ifname, netns, linkInContainer, mode, flag, mtu, pod };
    const releasing = { host: () => host, warn };
    clearStaleAttachment(releasing, wish, (earlier) => {
      if (earlier.hostAccess !== undefined) removeHostAccess(host, earlier, earlier);
    });
    const { link, parent: parentLink, attachment } = attach(places, chooseParent(lower, config.parent), wish, warn);
    undo.push(() => {
      // On a new socket: answers that were lost or came late are none of this request.
      remove(inNamespace(namespace, openNetlink), link);
      releaseParent({ host: openNetlink, warn }, attachment);
    });
    if (config.isolated) warn(`network ${config.name} is isolated: its parent is the dummy link ${parentLink.name}`);

    const ipam = openIpam({
      config,
      containerId,
      ifname,
      stdin,
      environment: variables,
      hostPrefixes: (within) => hostPrefixes(host, within),
      isHostAddress: (address) => isHostAddress(lower, parentLink, address),
    });
    const { conflictTimeout } = config;
    const put = (prefixes: readonly Prefix[]) => {
      // On an isolated network there are containers of this host alone, and of those the kernel knows.
      if (conflictTimeout !== undefined && !config.isolated && config.ipam.type !== "previous") {
        const look = () => refuseConflicts(lower, parentLink, prefixes, conflictTimeout);
        linkInContainer ? inNamespace(namespace, look) : look();
      }
      if (prefixes.some(({ address }) => address.family === 6)) {
        refuseSmallMtu(parentLink, config.mtu);
        inNamespace(namespace, () => enableIpv6(link.name)).forEach(warn);
      } else if (config.ipam.type === "builtin") {
        // Docker's rule. The IPAMs of the reference leave it as it is.
        inNamespace(namespace, () => disableIpv6(link.name)).forEach(warn);
      }
      addAddresses(container, link, prefixes);
    };
    const take: typeof ipam.add = (avoided) => orElseTakeBack(config, warn, () => ipam.add(avoided));
    const allocation = takeAddresses(config, { take, giveBack: ipam.del }, put, warn);
    if (ipam.releasesOverLink) undo.push(() => ipam.del());
    else undo.pushLast(() => ipam.del());
    const { addresses, routes } = planAddressing(config, allocation);
    if (config.ipam.type === "delegate" && !config.isolated) {
      impliedRouteWarnings(config.mode, config.impliedRoutes, allocation.routes).forEach(warn);
    }
    const { routed } = modes[config.mode];
    const own = addresses.map(({ address }) => address.address);
    const subnets = addresses.map(({ address }) => networkOf(address));
    if (routed && !config.reach?.announce) {
      routedWarnings(lower, parentLink, config.mode, subnets).forEach(warn);
    }
    const attached = { host, parent: parentLink, attachment, addresses: own };
    const { reach } = config;
    const plan = reach && planHostAccess(attached, link, routes, config.mode, reach, warn);
    const made = setUpLink(container, link, ownerAlias(containerId), routes, plan?.toHost.steps);
    if (reach !== undefined && plan !== undefined) {
      undo.push(() => removeHostAccess(host, attachment, findAttachment(attachment)));
      addHostAccess(attached, plan, reach);
    }

    // What earlier plugins of the chain reported stays in the result (SPEC.md, section 5, "ADD Success"): CHECK and DEL tell by
    // it what came before. Without an ipam of our own their addresses and routes are ours now.
    const { prevResult } = config;
    const earlier = prevResult?.interfaces ?? [];
    const passed = config.ipam.type === "previous" || !isAtLeast(config.cniVersion, "0.3.0") ? undefined : prevResult;
    const result: Result = {
      interfaces: [...earlier, { name: ifname, mac: macText(made.link.address), mtu: made.link.mtu, sandbox: netns }],
      ips: [...(passed?.ips ?? []), ...addresses.map((address) => ({ ...address, interface: earlier.length }))],
      routes: [...(passed?.routes ?? []), ...made.routes, ...(plan?.toHost.added(made.settled) ?? [])],
      dns: [config.dns, allocation.dns, passed?.dns].find((dns) => dns !== undefined && !isEmptyDns(dns)) ?? {},
    };
    // A version that has no room for the result, or a runtime that does not listen any more, is a failure like any other.
    print(formatResult(result, config.cniVersion));
  } catch (error) {
    undo.run();
    throw error;
  }
}

/** Where the pool is full, once more when what containers left that are gone has been taken back. */
function orElseTakeBack<T>({ name, ipam }: NetworkConfig, warn: (message: string) => void, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const isOwn = ipam.type === "builtin" || ipam.type === "host-local";
    if (!(error instanceof PoolIsFull && isOwn)) throw error;
    if (takeBackAbandoned(name, ipam.dataDir, openNetlink, warn) === 0) throw error;
    return work();
  }
}

/** A runtime that confuses namespaces would have its host's network changed (cni, pkg/skel, has the same check and override). */
function refuseOwnNamespace(namespace: Namespace): void {
  if (namespaceIdentity(homeNamespace()) === namespaceIdentity(namespace)) {
    throw new PluginError(
      ErrorCode.invalidEnvironment,
      `CNI_NETNS ${namespace.path} is the namespace that the plugin itself runs in: set CNI_NETNS_OVERRIDE=1 if that is meant`,
    );
  }
}
