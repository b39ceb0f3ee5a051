import { planAddressing } from "../commands/addressing.ts";
import { isAgents } from "../config/cluster.ts";
import type { NetworkConfig, Subnet } from "../config/network-config.ts";
import { parseNetworkConfig } from "../config/parse.ts";
import { PluginError } from "../errors.ts";
import { type Address, bitsOf, contains, formatAddress, formatPrefix, type Prefix } from "../ip/address.ts";
import type { Allocation } from "../ipam/ipam.ts";
import { ownerAlias } from "../link/ipvlan.ts";
import { chooseParent } from "../link/parent/choose.ts";
import { checkParentUsable } from "../link/parent/ensure.ts";
import { mark } from "../link/parent/mark.ts";
import { refuseConflict } from "../link/parent/shared-port.ts";
import { attachmentsOnParent, parentKey, recordedPort } from "../link/records.ts";
import { allAddresses } from "../netlink/address.ts";
import type { RouteOptions } from "../netlink/route.ts";
import { openNetlink } from "../netlink/socket.ts";
import { fileStatus } from "../system/files.ts";
import { UsageError } from "./arguments.ts";
import { thisHost } from "./attachments.ts";
import { type Context, FINE, FOUND, type Run } from "./command.ts";
import { readConfigurations } from "./configurations.ts";
import { type HostParent, parentOnHost } from "./parent.ts";
import { type PoolState, poolStates } from "./pools.ts";

/** Of the interface, until it is in the container. */
const temporary = "ipvlan-new";

/** One thing that an ADD does: in words, and as a command that does the same, where there is one. */
export interface Step {
  readonly what: string;
  readonly command?: string;
}

export const plan: Run = (context) => {
  const { arguments: given, terminal } = context;
  const [file, ...more] = given.words;
  if (file === undefined || more.length > 0) throw new UsageError("one configuration file is wanted");
  if (fileStatus(file) === undefined) throw new UsageError(`${file} does not exist`);
  const { networks, findings } = readConfigurations([file]);
  const [network] = networks;
  const [own] = network?.own ?? [];
  if (network === undefined || own === undefined) {
    const first = findings.find(({ severity }) => severity === "error");
    throw new UsageError(
      first === undefined
        ? `${file} has no plugin of the type ipvlan`
        : `${file}: ${first.message} (ipvlan validate ${file})`,
    );
  }
  const steps: Step[] = [];
  const failure = attempt(() => addSteps(context, network.name, own.entry.raw, own.config, steps));
  if (given.has("json")) {
    terminal.printJson({
      network: network.name,
      steps: steps.map(({ what, command }) => ({ what, command: command ?? null })),
      error: failure === undefined ? null : { code: failure.code, msg: failure.message, details: failure.details },
    });
  } else {
    for (const { what, command } of steps) {
      terminal.print(`# ${what}`);
      if (command !== undefined) terminal.print(terminal.style("cyan", command));
    }
    if (failure !== undefined) {
      terminal.print(terminal.style("red", `# then ADD fails with code ${failure.code}: ${failure.message}`));
    }
  }
  return failure === undefined ? FINE : FOUND;
};

function attempt(work: () => void): PluginError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof PluginError) return error;
    throw error;
  }
}

interface Target {
  readonly containerId: string;
  readonly ifname: string;
  readonly netns: string;
  /** iproute2 in the container's namespace. */
  readonly ip: string;
}

function targetOf({ arguments: given }: Context): Target {
  const containerId = given.value("container") ?? "container";
  const netns = given.value("netns") ?? `/run/netns/${containerId}`;
  const [, name] = /^\/(?:var\/)?run\/netns\/([^/]+)$/.exec(netns) ?? [];
  const ip = name === undefined ? `nsenter --net=${netns} -- ip` : `ip -n ${name}`;
  return { containerId, ifname: given.value("ifname") ?? "eth0", netns, ip };
}

/** The steps of an ADD, in its order, as far as it gets. @throws PluginError where the ADD would end */
function addSteps(context: Context, name: string, raw: object, config: NetworkConfig, steps: Step[]): void {
  const target = targetOf(context);
  const { containerId, ifname, netns, ip } = target;
  const ips = context.arguments.values("ip");
  const asked = parseNetworkConfig(
    JSON.stringify({
      ...raw,
      name,
      cniVersion: config.cniVersion,
      ...(ips.length > 0 ? { runtimeConfig: { ips } } : {}),
    }),
    { command: "ADD", args: "", netns, ifname },
  );
  for (const warning of asked.warnings) steps.push({ what: `warning: ${warning}` });
  const { mode, flag, mtu, linkInContainer } = asked.config;
  if (linkInContainer) {
    steps.push({ what: "the parent is looked up in the container's namespace: what follows depends on it" });
    return;
  }
  const host = openNetlink();
  const parent = parentOnHost(host, asked.config) as HostParent;
  const link = checkParentUsable(host, chooseParent(host, asked.config.parent), mtu);
  if (link !== undefined) {
    const key = parentKey(link.index, thisHost());
    refuseConflict(host, link, { mode, flag }, recordedPort(key), () => attachmentsOnParent(key));
    steps.push({ what: `the parent is ${link.name}, which is there: it is used as it is` });
  } else if (parent.isDummy) {
    steps.push({
      what: `the network is isolated: its parent, a dummy link, is made`,
      command: `ip link add ${parent.name} up type dummy && ip link set ${parent.name} alias '${mark}'`,
    });
  } else if (parent.vid !== undefined) {
    steps.push({
      what: `VLAN ${parent.vid} on ${parent.baseName} is made`,
      command: `ip link add link ${parent.baseName} name ${parent.name} up type vlan id ${parent.vid} && ip link set ${parent.name} alias '${mark}'`,
    });
  }
  const place = ip.startsWith("ip -n ") ? `netns ${ip.slice("ip -n ".length)}` : `netns ${netns}`;
  steps.push({
    what: `the container's interface ${ifname} is made on ${parent.name}`,
    // Before 6.14 the kernel looks the name up in the caller's namespace, too, where the host's own eth0 has it.
    command: `ip link add link ${parent.name} name ${temporary} ${place}${mtu === 0 ? "" : ` mtu ${mtu}`} type ipvlan mode ${mode} ${flag} && ${ip} link set ${temporary} name ${ifname}`,
  });
  const own = new Set(allAddresses(host).map(({ prefix }) => formatAddress(prefix.address)));
  const allocation = allocate(asked.config, own, steps);
  if (allocation === undefined) return;
  const { addresses, routes } = planAddressing(asked.config, allocation);
  steps.push({
    what: "it is marked as the container's own",
    command: `${ip} link set ${ifname} alias '${ownerAlias(containerId)}'`,
  });
  for (const { address } of addresses) {
    const { family } = address.address;
    const how = family === 6 ? " nodad" : bitsOf(4) - address.length >= 2 ? " brd +" : "";
    steps.push({ what: "it gets an address", command: `${ip} addr add ${formatPrefix(address)}${how} dev ${ifname}` });
  }
  steps.push({ what: "it is set up", command: `${ip} link set ${ifname} up` });
  for (const route of routes) {
    steps.push({ what: "it gets a route", command: `${ip} ${routeCommand("add", route, ifname)}` });
  }
  reachSteps(
    asked.config,
    parent.name,
    addresses.map(({ address }) => address.address),
    steps,
  );
}

/** What the IPAM gives next; nothing is reserved. @returns undefined where only its plugin knows */
function allocate(config: NetworkConfig, own: ReadonlySet<string>, steps: Step[]): Allocation | undefined {
  const { ipam } = config;
  switch (ipam.type) {
    case "builtin":
    case "host-local": {
      const pools = poolStates(config, own);
      if (ipam.type === "builtin" && ipam.cluster !== undefined && isShort(ipam.subnets, pools)) {
        const asked = isAgents(ipam.cluster.store) ? "the node's agent" : "ipvlan-node, which is started for it";
        steps.push({
          what: `a block of the cluster's pool is claimed by ${asked}: which address comes out of it is not known before`,
        });
        return undefined;
      }
      if (ipam.type === "builtin" && ipam.defaultPool && !pools.some(({ spans }) => spans[0]?.first.family === 4)) {
        steps.push({
          what: "a default pool is chosen, and remembered for the network: the IPv4 address is its second",
        });
      }
      const addresses = pools.map(({ spans, next }): { address: Prefix; gateway: Address | undefined } => {
        const wanted = config.requested.find(({ address }) => spans.some(({ subnet }) => contains(subnet, address)));
        const address = wanted?.address ?? next;
        if (address === undefined)
          throw new PluginError(
            11,
            `no address is free in ${spans.map(({ subnet }) => formatPrefix(subnet)).join(", ")}`,
            "/ipam",
          );
        const span = spans.find(({ subnet }) => contains(subnet, address));
        return { address: { address, length: span?.subnet.length ?? bitsOf(address.family) }, gateway: span?.gateway };
      });
      for (const { address } of addresses) {
        const file = `${ipam.dataDir}/${config.name}/${formatAddress(address.address)}`;
        steps.push({ what: `${formatAddress(address.address)} is reserved in ${file}` });
      }
      return { addresses, routes: ipam.routes, dns: undefined } as Allocation;
    }
    case "static":
      return { addresses: ipam.addresses, routes: ipam.routes, dns: ipam.dns } as Allocation;
    case "delegate":
      steps.push({ what: `the plugin ${ipam.plugin} is asked for addresses: it alone knows which` });
      return undefined;
    case "previous":
      steps.push({ what: "the addresses are those of the plugin before this one in the chain" });
      return undefined;
  }
}

/** Whether a container would find no address of some family in the blocks at hand. */
function isShort(subnets: readonly Subnet[], pools: readonly PoolState[]): boolean {
  const families = new Set(subnets.map(({ subnet }) => subnet.address.family));
  return pools.length < families.size || pools.some(({ next }) => next === undefined);
}

/** Of iproute2, behind `ip`. */
export function routeCommand(verb: "add" | "replace", route: RouteOptions, ifname: string): string {
  const { dst, gw, mtu, advmss, priority, table } = route;
  const target = dst.length === 0 ? "default" : formatPrefix(dst);
  const options = [
    gw === undefined ? "" : ` via ${formatAddress(gw)}`,
    ` dev ${ifname}`,
    gw === undefined && dst.address.family === 4 ? " scope link" : "",
    priority === undefined ? "" : ` metric ${priority}`,
    table === undefined ? "" : ` table ${table}`,
    mtu === undefined ? "" : ` mtu ${mtu}`,
    advmss === undefined ? "" : ` advmss ${advmss}`,
  ];
  return `${dst.address.family === 6 ? "-6 " : ""}route ${verb} ${target}${options.join("")}`;
}

/** What the host gets for the container. */
function reachSteps(config: NetworkConfig, parent: string, addresses: readonly Address[], steps: Step[]): void {
  if (config.reach === undefined) return;
  steps.push({ what: `the host gets its own link on ${parent}, without an address and without ARP, if it has none` });
  for (const address of addresses) {
    steps.push({ what: `the host gets a route to ${formatAddress(address)} over it` });
  }
  if (config.reach.announce) steps.push({ what: "the host answers ARP and ND for the container, and announces it" });
  if (config.reach.translateSource)
    steps.push({ what: "what the host translates to the container gets the host's address as its source" });
}
