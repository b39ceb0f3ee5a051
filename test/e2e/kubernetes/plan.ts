/** Which scenarios are run in which network, with which kube-proxy. */

import { conformanceScenario } from "./conformance/scenario.ts";
import { type Network, networks, withHostPorts } from "./networks.ts";
import type { ProxyMode } from "./nodes.ts";
import type { Scenario } from "./scenario.ts";
import { drainScenario } from "./scenarios/drain.ts";
import { installationScenario } from "./scenarios/installation.ts";
import { nodesScenario } from "./scenarios/nodes.ts";
import { poolScenario } from "./scenarios/pool.ts";
import { probesScenario } from "./scenarios/probes.ts";
import { reachScenario } from "./scenarios/reach.ts";
import { recoveryScenario } from "./scenarios/recovery.ts";
import { scalingScenario } from "./scenarios/scaling.ts";
import { servicesScenario } from "./scenarios/services.ts";
import { statefulScenario } from "./scenarios/stateful.ts";

export interface Stage {
  readonly network: Network;
  readonly proxyMode: ProxyMode;
  readonly scenarios: readonly Scenario[];
}

export type Suite = "scenarios" | "scaling" | "conformance";

const scenarioStages: readonly Stage[] = [
  {
    network: networks.routed,
    proxyMode: "nftables",
    scenarios: [
      nodesScenario,
      installationScenario,
      reachScenario,
      servicesScenario,
      probesScenario(5),
      drainScenario,
      recoveryScenario,
    ],
  },
  {
    network: networks.flat,
    proxyMode: "nftables",
    scenarios: [nodesScenario, reachScenario, servicesScenario, probesScenario(1), statefulScenario, poolScenario],
  },
  { network: networks.announced, proxyMode: "nftables", scenarios: [nodesScenario, reachScenario, servicesScenario] },
  { network: networks.routed, proxyMode: "iptables", scenarios: [servicesScenario] },
];

const scalingStages: readonly Stage[] = [
  { network: networks.routed, proxyMode: "nftables", scenarios: [scalingScenario] },
];

const conformanceStages: readonly Stage[] = [
  { network: withHostPorts(networks.routed), proxyMode: "nftables", scenarios: [conformanceScenario] },
  { network: withHostPorts(networks.flat), proxyMode: "nftables", scenarios: [conformanceScenario] },
];

const suites: Record<Suite, readonly Stage[]> = {
  scenarios: scenarioStages,
  scaling: scalingStages,
  conformance: conformanceStages,
};

export const isSuite = (name: string): name is Suite => Object.hasOwn(suites, name);

/** Parts of names, several with commas between them; empty ones choose all. */
export interface Choice {
  readonly suite: Suite;
  readonly network: string;
  readonly proxy: string;
  readonly only: string;
}

export function stages({ suite, network, proxy, only }: Choice): readonly Stage[] {
  return suites[suite]
    .filter((stage) => isOneOf(network, stage.network.name) && isOneOf(proxy, stage.proxyMode))
    .map((stage) => ({ ...stage, scenarios: stage.scenarios.filter(({ name }) => isOneOf(only, name)) }))
    .filter(({ scenarios }) => scenarios.length > 0);
}

const isOneOf = (parts: string, name: string): boolean => parts.split(",").some((part) => name.includes(part));

/** @returns the network and kube-proxy of a stage, in words */
export const titleOf = ({ network, proxyMode }: Stage): string => `${network.title}; kube-proxy ${proxyMode}`;
