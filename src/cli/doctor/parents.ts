import { PluginError } from "../../errors.ts";
import { describePort } from "../../link/modes.ts";
import { isHostLink, isOurs } from "../../link/parent/mark.ts";
import { IFF_LOOPBACK, IFF_UP } from "../../netlink/constants.ts";
import type { Link } from "../../netlink/link.ts";
import type { OwnNetwork } from "../networks.ts";
import { type HostParent, parentOnHost } from "../parent.ts";
import { bridgeVlans } from "./bridge-vlans.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** Parents: there, up, free for ipvlan, of the networks' mode, large enough; and those that nobody needs any more. */
export function checkParents(patient: Patient): HostFinding[] {
  const { networks } = patient;
  const found = networks.flatMap((one) => checkParent(patient, one));
  // Two networks of one parent have its fault in common.
  const unique = [
    ...new Map(found.map((finding) => [`${finding.id} ${finding.mend ?? finding.message}`, finding])).values(),
  ];
  return [...unique, ...unusedParents(patient)];
}

function checkParent({ host, links }: Patient, { network, config }: OwnNetwork): HostFinding[] {
  const place = `network ${config.name}, ${network.file}`;
  const error = (id: string, message: string, mend?: string): HostFinding => ({
    id,
    severity: "error",
    place,
    message,
    mend,
  });
  let parent: HostParent | undefined;
  try {
    parent = parentOnHost(host, config);
  } catch (failure) {
    if (!(failure instanceof PluginError)) throw failure;
    return [error("parent-missing", failure.message)];
  }
  if (parent === undefined) return [];
  const { link, base, baseName, name } = parent;
  const findings: HostFinding[] = [];
  if (link === undefined) {
    if (parent.isDummy) return [];
    if (base === undefined) {
      const names = links.filter(isCandidate).map((one) => one.name);
      const what = baseName === undefined ? name : `${baseName}, the base of ${name},`;
      return [error("parent-missing", `its parent ${what} does not exist: this host has ${names.join(", ")}`)];
    }
    if ((base.flags & IFF_UP) === 0) {
      const message = `${base.name}, the base of its parent ${name}, is down`;
      findings.push(error("parent-down", message, `ip link set ${base.name} up`));
    }
    return findings;
  }
  if ((link.flags & IFF_UP) === 0) {
    findings.push(error("parent-down", `its parent ${link.name} is down`, `ip link set ${link.name} up`));
  }
  if (link.portKind !== undefined && link.controller !== undefined) {
    findings.push(
      error(
        "parent-busy",
        `its parent ${link.name} is a port of a ${link.portKind}`,
        `ip link set ${link.name} nomaster`,
      ),
    );
  }
  const above = links.find(
    ({ kind, lower, lowerNamespace }) =>
      (kind === "macvlan" || kind === "macvtap") && lower === link.index && lowerNamespace === undefined,
  );
  if (above !== undefined) {
    const message = `its parent ${link.name} is the lower device of the ${above.kind} ${above.name}, and a link carries either macvlan or ipvlan`;
    findings.push(error("parent-busy", message, `ip link del ${above.name}`));
  }
  const wanted = `${config.mode} ${config.flag}`;
  const other = links.find(
    (one) =>
      one.ipvlan !== undefined &&
      one.lower === link.index &&
      one.lowerNamespace === undefined &&
      describePort(one.ipvlan.mode, one.ipvlan.flags) !== wanted,
  );
  if (other?.ipvlan !== undefined) {
    const present = describePort(other.ipvlan.mode, other.ipvlan.flags);
    const message = `its parent ${link.name} is ${present} by the link ${other.name}, and this network is ${wanted}`;
    findings.push(error("mode-conflict", message, `ip link del ${other.name}`));
  }
  if (config.mtu > link.mtu) {
    const message = `its mtu is ${config.mtu}, and its parent ${link.name} has ${link.mtu}`;
    findings.push(error("mtu", message, `ip link set ${link.name} mtu ${config.mtu}`));
  }
  findings.push(...filteredVlan(host, links, link, error));
  return findings;
}

/** What an operator could have meant. */
const isCandidate = (link: Link): boolean =>
  (link.flags & IFF_LOOPBACK) === 0 && link.kind !== "ipvlan" && link.controller === undefined && !isOurs(link);

/** A bridge that filters VLANs passes those of its own sub-interfaces only where they are on its own list. */
function filteredVlan(
  host: Patient["host"],
  links: readonly Link[],
  link: Link,
  error: (id: string, message: string, mend?: string) => HostFinding,
): HostFinding[] {
  const { vlanId } = link;
  const bridge = links.find(({ index, kind }) => index === link.lower && kind === "bridge");
  if (vlanId === undefined || bridge === undefined || link.lowerNamespace !== undefined) return [];
  const vlans = bridgeVlans(host, bridge);
  if (vlans === undefined || vlans.has(vlanId)) return [];
  const message = `its parent ${link.name} is VLAN ${vlanId} of the bridge ${bridge.name}, which filters VLANs and does not pass it`;
  return [error("vlan-filtered", message, `bridge vlan add dev ${bridge.name} vid ${vlanId} self`)];
}

/** Links that the plugin has made, and that no attachment uses. */
function unusedParents({ links, attachments }: Patient): HostFinding[] {
  const used = new Set(attachments.flatMap(({ attachment: { parentName, link } }) => [parentName, link?.parentIndex]));
  return links
    .filter(isOurs)
    .filter(
      ({ name, index }) =>
        !used.has(name) &&
        !used.has(index) &&
        !links.some(({ lower, lowerNamespace }) => lower === index && lowerNamespace === undefined),
    )
    .filter((link) => !isHostLink(link))
    .map(({ name }) => ({
      id: "parent-unused",
      severity: "warning",
      place: `link ${name}`,
      message: "the plugin has made it, and no attachment uses it any more",
      mend: `ip link del ${name}`,
    }));
}
