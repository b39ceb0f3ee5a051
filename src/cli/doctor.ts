import { asPluginError } from "../cni/print.ts";
import { explain } from "../commands/explain.ts";
import { openNetlink } from "../netlink/socket.ts";
import { restoreHostAccess } from "../reach/restore.ts";
import { FINE, FOUND, type Run } from "./command.ts";
import { checkAttachments } from "./doctor/attachments.ts";
import { checkCluster } from "./doctor/cluster.ts";
import { checkConfigurations } from "./doctor/configurations.ts";
import type { HostFinding } from "./doctor/finding.ts";
import { checkFirewall } from "./doctor/firewall.ts";
import { checkGateways } from "./doctor/gateways.ts";
import { checkKernel, checkRights } from "./doctor/kernel.ts";
import { checkParents } from "./doctor/parents.ts";
import { examine, type Patient } from "./doctor/patient.ts";
import { checkPlugins } from "./doctor/plugins.ts";
import { checkReach } from "./doctor/reach.ts";
import { checkReservations } from "./doctor/reservations.ts";
import type { Terminal } from "./terminal.ts";

/** In the order in which one fault is the reason of another. */
const checks: readonly ((patient: Patient) => HostFinding[])[] = [
  checkKernel,
  checkConfigurations,
  checkPlugins,
  checkParents,
  checkGateways,
  checkAttachments,
  checkReservations,
  checkCluster,
  checkReach,
  checkFirewall,
];

export const doctor: Run = ({ arguments: given, environment, terminal }) => {
  const rights = checkRights();
  if (given.has("repair") && rights === undefined) putBack(terminal);
  const patient = rights === undefined ? examine(environment) : undefined;
  const findings = patient === undefined ? [rights as HostFinding] : checks.flatMap((check) => check(patient));
  if (given.has("json")) {
    terminal.printJson({ findings: findings.map(({ mend, ...finding }) => ({ ...finding, mend: mend ?? null })) });
    return findings.length === 0 ? FINE : FOUND;
  }
  for (const { id, severity, place, message, mend } of findings) {
    const colour = severity === "error" ? "red" : "yellow";
    terminal.print(`${terminal.style(colour, severity)}  ${terminal.style("bold", place)}: ${message} [${id}]`);
    if (mend !== undefined) terminal.print(`    ${terminal.style("cyan", mend)}`);
  }
  const summary = findings.length === 0 ? "nothing found" : `${findings.length} found`;
  terminal.print(patient === undefined ? summary : `${summary}: ${countsOf(patient)}`);
  return findings.length === 0 ? FINE : FOUND;
};

/** What the host needs for its containers, as the records of the attachments tell. */
function putBack(terminal: Terminal): void {
  restoreHostAccess(openNetlink(), ({ network, containerId }, error) => {
    const { message } = asPluginError(explain(error));
    terminal.warn(`ipvlan: network ${network}, container ${containerId}: ${message}`);
  });
}

const countsOf = ({ networks, attachments, runtimes }: Patient): string =>
  `${counted(networks.length, "network")}, ${counted(attachments.length, "attachment")}, ` +
  (runtimes.map(({ name }) => name).join(", ") || "no container runtime");

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
