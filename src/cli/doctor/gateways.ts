import { type Address, formatAddress, sameAddress } from "../../ip/address.ts";
import { modes } from "../../link/modes.ts";
import { IFF_UP } from "../../netlink/constants.ts";
import type { Link } from "../../netlink/link.ts";
import { probeAddresses } from "../../reach/conflict-probes.ts";
import { spansOf } from "../pools.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** linux/if.h */
const IFF_LOWER_UP = 0x10000;

/** Time for all gateways of a parent to answer. */
const patienceMs = 400;

/** Whether parents have a carrier, and the gateways on them answer ARP and ND. */
export function checkGateways({ networks, parents, links, addresses }: Patient): HostFinding[] {
  const findings: HostFinding[] = [];
  for (const link of links) {
    const own = networks.filter((network) => parents.get(network) === link.name);
    const [first] = own;
    if (first === undefined || (link.flags & IFF_UP) === 0) continue;
    if ((link.flags & IFF_LOWER_UP) === 0) {
      findings.push({
        id: "no-carrier",
        severity: "error",
        place: `network ${first.config.name}, ${first.network.file}`,
        message: `its parent ${link.name} has no carrier: look at its cable, or at the other end of it`,
      });
      continue;
    }
    const wanted = own
      .filter(({ config }) => !modes[config.mode].routed)
      .flatMap(({ config }) =>
        spansOf(config).flatMap(({ gateway }) => (gateway === undefined ? [] : [{ gateway, network: config.name }])),
      )
      // A gateway on this host itself answers nobody who asks from here.
      .filter(({ gateway }) => !addresses.some(({ prefix }) => sameAddress(prefix.address, gateway)));
    if (wanted.length === 0) continue;
    const answered = askFor(
      link,
      wanted.map(({ gateway }) => gateway),
    );
    for (const { gateway, network } of wanted) {
      const text = formatAddress(gateway);
      if (answered.has(text)) continue;
      findings.push({
        id: "gateway-silent",
        severity: "error",
        place: `network ${network}`,
        message: `its gateway ${text} does not answer ${gateway.family === 4 ? "ARP" : "neighbour solicitations"} on ${link.name}: is it the right address, VLAN and port?`,
      });
    }
  }
  return findings;
}

const askFor = (link: Link, gateways: readonly Address[]): ReadonlyMap<string, string> =>
  probeAddresses(link, gateways, patienceMs);
