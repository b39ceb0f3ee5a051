import {
  formatAddress,
  formatPrefix,
  networkOf,
  overlaps,
  type Prefix,
  parsePrefix,
  samePrefix,
} from "../../ip/address.ts";
import { type Converted, finish, Refusal } from "./draft.ts";

/** A network as Docker knows it, whatever it was read from. */
export interface DockerNetwork {
  readonly name: string;
  readonly driver: string;
  /** `--opt` */
  readonly options: Readonly<Record<string, string>>;
  readonly subnets: readonly DockerSubnet[];
  readonly internal: boolean;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly ipamDriver: string;
  readonly remarks: readonly string[];
}

export interface DockerSubnet {
  readonly subnet: string;
  readonly gateway?: string | undefined;
  readonly ipRange?: string | undefined;
  /** `--aux-address`: a name and an address each. */
  readonly auxAddresses: Readonly<Record<string, string>>;
}

const known: Readonly<Record<string, string>> = {
  parent: "parent",
  ipvlan_mode: "ipvlan_mode",
  ipvlan_flag: "ipvlan_flag",
};

/** Docker's rules for an ipvlan network (moby, daemon/libnetwork/drivers/ipvlan) and ours. @throws Refusal */
export function fromDocker(network: DockerNetwork, cniVersion: string): Converted {
  const { name, driver, options, subnets, internal, ipamDriver } = network;
  const refuse = (why: string): Refusal => new Refusal(`network ${name}: ${why}`);
  if (driver !== "ipvlan") {
    throw refuse(
      `its driver is ${driver || "bridge, Docker's default"}: only ipvlan networks are converted (-d ipvlan)`,
    );
  }
  if (ipamDriver !== "" && ipamDriver !== "default") {
    throw refuse(`its addresses come from the IPAM driver ${ipamDriver} of Docker's, which is not here: name subnets`);
  }
  const remarks = [...network.remarks];
  for (const [option, value] of Object.entries(options)) {
    if (option in known) continue;
    const mtu = option === "com.docker.network.driver.mtu" || option === "mtu";
    const instead = mtu ? `; write "mtu": ${value} if that is wanted` : "";
    remarks.push(`the option ${option} means nothing to Docker's ipvlan driver and is left out${instead}`);
  }
  const { ipvlan_mode: mode, ipvlan_flag: flag } = options;
  // The dummy link of an isolated network, which Docker shows as if it had been asked for.
  const parent = options.parent?.startsWith("di-") ? "" : options.parent;
  if (mode && !["l2", "l3", "l3s"].includes(mode)) throw refuse(`the mode ${mode} is unknown: l2, l3 or l3s`);
  if (flag && !["bridge", "private", "vepa"].includes(flag)) {
    throw refuse(`the flag ${flag} is unknown: bridge, private or vepa`);
  }
  if (parent === "lo") throw refuse("lo, the loopback device, cannot be a parent");
  if (internal && parent)
    remarks.push(`an internal network is isolated on a dummy link: the parent ${parent} is left out`);
  const checked = checkSubnets(subnets, refuse);
  const hasV6 = checked.some(({ subnet }) => subnet.includes(":"));
  if (network.ipv6 && !hasV6) {
    remarks.push("Docker chooses an IPv6 subnet by itself; here one must be named: add it to ipam.subnets");
  }
  const entry = {
    master: internal ? undefined : parent || undefined,
    mode: mode || undefined,
    flag: flag || undefined,
    internal: internal || undefined,
    // Docker takes --ip and --ip6 where the subnets are the user's.
    capabilities: checked.length > 0 ? { ips: true } : undefined,
    ipam: checked.length > 0 || !network.ipv4 ? ipamOf(checked, network.ipv4) : undefined,
  };
  return finish(name, entry, remarks, cniVersion);
}

function ipamOf(subnets: readonly DockerSubnet[], ipv4: boolean): object {
  return {
    ipv4: ipv4 ? undefined : false,
    subnets: subnets.map(({ subnet, gateway, ipRange, auxAddresses }) => ({
      subnet,
      gateway,
      ipRange,
      auxAddresses: Object.keys(auxAddresses).length === 0 ? undefined : auxAddresses,
    })),
  };
}

/** A subnet's own rules; Docker's daemon names the network that a subnet with host bits should be. */
function checkSubnets(subnets: readonly DockerSubnet[], refuse: (why: string) => Refusal): readonly DockerSubnet[] {
  const seen: Prefix[] = [];
  for (const { subnet, ipRange } of subnets) {
    const prefix = readNetwork(subnet, "subnet", refuse);
    const other = seen.find((one) => overlaps(one, prefix));
    if (other !== undefined) throw refuse(`the subnets ${formatPrefix(other)} and ${subnet} overlap`);
    seen.push(prefix);
    if (ipRange !== undefined && ipRange !== "") readNetwork(ipRange, "ip-range", refuse);
  }
  return subnets.map((one) => ({ ...one, gateway: withoutLength(one.gateway), ipRange: one.ipRange || undefined }));
}

function readNetwork(text: string, what: string, refuse: (why: string) => Refusal): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw refuse(`the ${what} ${text} is no ADDRESS/LENGTH`);
  const network = networkOf(prefix);
  if (!samePrefix(prefix, network))
    throw refuse(`the ${what} ${text} has host bits set: it should be ${formatPrefix(network)}`);
  return prefix;
}

/** Docker writes some gateways of older networks with their length. */
function withoutLength(gateway: string | undefined): string | undefined {
  if (gateway === undefined || gateway === "") return undefined;
  const prefix = parsePrefix(gateway);
  return prefix === undefined ? gateway : formatAddress(prefix.address);
}
