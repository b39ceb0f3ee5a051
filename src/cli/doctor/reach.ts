import { configuredFamilies } from "../../config/families.ts";
import type { NetworkConfig, ReachConfig } from "../../config/network-config.ts";
import { PluginError } from "../../errors.ts";
import { formatAddress, parseAddress } from "../../ip/address.ts";
import { closeContainer, findContainer } from "../../link/container.ts";
import { modes } from "../../link/modes.ts";
import type { Link } from "../../netlink/link.ts";
import { missingProxies, withoutForwarding } from "../../reach/announce.ts";
import { checkHostAccess } from "../../reach/check.ts";
import { hostLinkName } from "../../reach/host-link.ts";
import { hostRoutes } from "../../reach/host-routes.ts";
import { ownerMetric } from "../../reach/owner.ts";
import { isStrict } from "../../reach/reverse-path.ts";
import { sysctlName } from "../../reach/settings.ts";
import type { SeenAttachment } from "../attachments.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** What puts all back that the host needs for its containers. */
const repair = "ipvlan doctor --repair";

type Reached = NetworkConfig & { readonly reach: ReachConfig };

/** hostAccess and announce: what the host has for its containers, beside what it should have. */
export function checkReach(patient: Patient): HostFinding[] {
  const { networks, parents, attachments, links } = patient;
  const configs = new Map(networks.map(({ config }) => [config.name, config]));
  const reached = networks.flatMap((network): { config: Reached; parent: string | undefined }[] => {
    const { config } = network;
    return isReached(config) ? [{ config, parent: parents.get(network) }] : [];
  });
  if (reached.length === 0) return [];
  const withAccess = attachments.filter(({ isAlive, attachment }) => isAlive && attachment.hostAccess !== undefined);
  const byParent = Map.groupBy(withAccess, ({ attachment }) => attachment.parentName);
  const findings: HostFinding[] = [];
  for (const link of links) {
    const settings = reached.flatMap(({ config, parent }) =>
      parent === link.name ? checkSettings(patient, config, link) : [],
    );
    findings.push(...settings.slice(0, 1));
    const seen = byParent.get(link.name);
    if (settings.length === 0 && seen !== undefined) findings.push(...checkParent(patient, link, seen, configs));
  }
  // What all parents have in common is one fault.
  return [...new Map(findings.map((finding) => [`${finding.id} ${finding.message}`, finding])).values()];
}

const isReached = (config: NetworkConfig): config is Reached => config.reach !== undefined;

/** Settings of the kernel's for the parent, without which nothing of it works. */
function checkSettings({ host }: Patient, config: Reached, parent: Link): HostFinding[] {
  const { name, mode, ipam, reach } = config;
  const place = `network ${name}`;
  const families = configuredFamilies(ipam);
  if (!modes[mode].routed && !reach.setRpFilter && families.includes(4) && isStrict(host, parent)) {
    const setting = sysctlName(4, parent.name, "rp_filter");
    return [
      {
        id: "rp-filter",
        severity: "error",
        place,
        message: `reverse path filtering of ${parent.name} is strict: what containers send to this host is dropped`,
        mend: `sysctl -w ${setting}=2`,
      },
    ];
  }
  const silent = reach.announce ? withoutForwarding(host, parent, families) : [];
  if (silent.length === 0) return [];
  const settings = silent.map((family) => `${sysctlName(family, parent.name, "forwarding")}=1`).join(" ");
  return [
    {
      id: "forwarding",
      severity: "error",
      place,
      message: `${parent.name} does not forward, and without that the kernel answers no ARP and ND for containers`,
      mend: `sysctl -w ${settings}`,
    },
  ];
}

/** One container is looked at closely; of the others what each has of its own, all in one question. */
function checkParent(
  { host }: Patient,
  parent: Link,
  seen: readonly SeenAttachment[],
  configs: ReadonlyMap<string, NetworkConfig>,
): HostFinding[] {
  let close: ReturnType<typeof lookClosely>;
  for (const one of seen) {
    close = lookClosely(host, parent, one, configs);
    if (close !== undefined) break;
  }
  if (close instanceof PluginError) {
    return [
      { id: "host-access", severity: "error", place: `parent ${parent.name}`, message: close.message, mend: repair },
    ];
  }
  const hostLink = hostLinkName(parent.index);
  const routes = hostRoutes(host).filter(({ priority }) => priority !== 0);
  const present = new Set(routes.map(({ dst, priority }) => `${formatAddress(dst.address)} ${priority}`));
  const lost = seen.flatMap(({ attachment }) => {
    const { hostAccess: access } = attachment;
    if (access === undefined) return [];
    const metric = ownerMetric(attachment, access.announced);
    const missing = access.addresses.filter((address) => !present.has(`${address} ${metric}`));
    return missing.map((address) => ({ address, attachment }));
  });
  const [first] = lost;
  if (first !== undefined) {
    const others = lost.length === 1 ? "" : `, and ${lost.length - 1} more,`;
    return [
      {
        id: "host-route",
        severity: "error",
        place: `network ${first.attachment.network}, container ${first.attachment.containerId}`,
        message: `the host's route to ${first.address}${others} over ${hostLink} is gone`,
        mend: repair,
      },
    ];
  }
  const announced = new Set(
    seen.flatMap(({ attachment: { hostAccess } }) => (hostAccess?.announced ? hostAccess.addresses : [])),
  );
  const silent = missingProxies(host, parent, routes).filter((address) => announced.has(formatAddress(address)));
  if (silent.length === 0) return [];
  const what = silent.slice(0, 3).map(formatAddress).join(", ");
  return [
    {
      id: "not-announced",
      severity: "error",
      place: `parent ${parent.name}`,
      message: `the host does not answer for ${silent.length} of its containers any more: ${what}`,
      mend: repair,
    },
  ];
}

/** @returns what CHECK would say; true where it would say nothing; undefined where this container cannot be looked at */
function lookClosely(
  host: Patient["host"],
  parent: Link,
  { attachment, link }: SeenAttachment,
  configs: ReadonlyMap<string, NetworkConfig>,
): PluginError | true | undefined {
  const config = configs.get(attachment.network);
  const container = config?.reach === undefined || link === undefined ? undefined : findContainer(attachment.netns);
  if (config?.reach === undefined || link === undefined || container === undefined) return undefined;
  const addresses = (attachment.hostAccess?.addresses ?? []).map(parseAddress).filter((one) => one !== undefined);
  try {
    const checked = { host, container: container.socket, parent, link, owner: attachment, addresses };
    checkHostAccess(checked, config, config.reach);
    return true;
  } catch (error) {
    if (error instanceof PluginError) return error;
    throw error;
  } finally {
    closeContainer(container);
  }
}
