import { planAddressing } from "../../commands/addressing.ts";
import type { NetworkConfig } from "../../config/network-config.ts";
import { contains, type Prefix, parsePrefix } from "../../ip/address.ts";
import type { Allocation } from "../../ipam/ipam.ts";
import { describePort } from "../../link/modes.ts";
import { IFF_UP } from "../../netlink/constants.ts";
import type { SeenAttachment } from "../attachments.ts";
import { routeCommand } from "../plan.ts";
import { spansOf } from "../pools.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/**
 * Attachments: those whose interface is gone, and interfaces that somebody has changed. That two of a parent have one address the kernel
 * does not let happen.
 */
export function checkAttachments({ attachments, networks }: Patient): HostFinding[] {
  const configs = new Map(networks.map(({ config }) => [config.name, config]));
  const dead = attachments.filter(({ isAlive }) => !isAlive);
  const alive = attachments.filter(({ isAlive }) => isAlive);
  return [...deadOnes(dead), ...alive.flatMap((seen) => changed(seen, configs.get(seen.attachment.network)))];
}

function deadOnes(dead: readonly SeenAttachment[]): HostFinding[] {
  const [first] = dead;
  if (first === undefined) return [];
  const { network, containerId, ifname } = first.attachment;
  const others = dead.length === 1 ? "" : ` and ${dead.length - 1} others`;
  return [
    {
      id: "attachment-dead",
      severity: "warning",
      place: `network ${network}, container ${containerId} ${ifname}${others}`,
      message: "the interface is gone and no DEL was made: it holds its addresses and its parent",
      mend: "ipvlan release --dead --yes",
    },
  ];
}

/** iproute2 in the container's namespace. */
export function ipIn(netns: string): string {
  const [, name] = /^\/(?:var\/)?run\/netns\/([^/]+)$/.exec(netns) ?? [];
  return name === undefined ? `nsenter --net=${netns} -- ip` : `ip -n ${name}`;
}

/**
 * The routes of an interface, for a shell: they go when it is set down or loses its address.
 * @param addresses those that it has, or is to have
 */
export function routesAgain(
  { attachment }: SeenAttachment,
  config: NetworkConfig | undefined,
  addresses: readonly Prefix[],
): string {
  if (config === undefined || (config.ipam.type !== "builtin" && config.ipam.type !== "host-local")) return "";
  const spans = spansOf(config);
  const allocation = {
    addresses: addresses.map((address) => ({
      address,
      gateway: spans.find(({ subnet }) => contains(subnet, address.address))?.gateway,
    })),
    routes: config.ipam.routes,
    dns: undefined,
  } as unknown as Allocation;
  const { routes } = planAddressing(config, allocation);
  const ip = ipIn(attachment.netns);
  const commands = routes.map((route) => `${ip} ${routeCommand("replace", route, attachment.ifname)}`);
  if (attachment.hostAccess !== undefined) commands.push("ipvlan doctor --repair");
  return commands.map((command) => ` && ${command}`).join("");
}

function changed(seen: SeenAttachment, config: NetworkConfig | undefined): HostFinding[] {
  const { attachment, link } = seen;
  if (link === undefined) return [];
  const { network, containerId, mode, flag, netns } = attachment;
  const place = `network ${network}, container ${containerId} ${link.name}`;
  const findings: HostFinding[] = [];
  if ((link.flags & IFF_UP) === 0) {
    const addresses = seen.addresses.map(parsePrefix).filter((prefix) => prefix !== undefined);
    const mend = `${ipIn(netns)} link set ${link.name} up${routesAgain(seen, config, addresses)}`;
    findings.push({ id: "interface-down", severity: "error", place, message: "the interface was set down", mend });
  }
  if (link.ipvlan !== undefined && describePort(link.ipvlan.mode, link.ipvlan.flags) !== `${mode} ${flag}`) {
    findings.push({
      id: "mode-changed",
      severity: "error",
      place,
      message: `the interface is ${describePort(link.ipvlan.mode, link.ipvlan.flags)}, and was made as ${mode} ${flag}: somebody has changed the parent's mode`,
      mend: `${ipIn(netns)} link set ${link.name} type ipvlan mode ${mode} ${flag}`,
    });
  }
  return findings;
}
