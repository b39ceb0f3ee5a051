import { contains, type Prefix, parseAddress, parsePrefix } from "../../ip/address.ts";
import { type Flag, parseArguments, UsageError } from "../arguments.ts";
import type { DockerNetwork, DockerSubnet } from "./docker-network.ts";
import { Refusal } from "./draft.ts";

/** Of `docker network create` (docker/cli, cli/command/network/create.go). */
const flags: readonly Flag[] = [
  { name: "attachable" },
  { name: "aux-address", value: "map" },
  { name: "config-from", value: "string" },
  { name: "config-only" },
  { name: "driver", short: "d", value: "string" },
  { name: "gateway", value: "ipSlice" },
  { name: "ingress" },
  { name: "internal" },
  { name: "ip-range", value: "ipNetSlice" },
  { name: "ipam-driver", value: "string" },
  { name: "ipam-opt", value: "map" },
  { name: "ipv4" },
  { name: "ipv6" },
  { name: "label", value: "list" },
  { name: "opt", short: "o", value: "map" },
  { name: "scope", value: "string" },
  { name: "subnet", value: "strings" },
];

/** @param words behind `docker network create` @throws Refusal with Docker's reason in our words */
export function readDockerWords(words: readonly string[]): DockerNetwork {
  const given = parse(words);
  const [name, ...more] = given.words;
  if (name === undefined || more.length > 0) {
    const what =
      name === undefined ? "the network's name is missing" : `one name is wanted, and these are several words`;
    throw new Refusal(`docker network create: ${what}: ${given.words.join(" ") || words.join(" ")}`);
  }
  const refuse = (why: string): Refusal => new Refusal(`network ${name}: ${why}`);
  if (given.has("ingress")) throw refuse("an ingress network (--ingress) is a swarm's own");
  if (given.has("config-only") || given.has("config-from")) {
    throw refuse("--config-only and --config-from describe one network in two: convert one command with all its flags");
  }
  const scope = given.value("scope") ?? "local";
  if (scope !== "local") throw refuse(`the scope ${scope} is a swarm's: a network of this kind is of one host`);
  const remarks: string[] = [];
  if (given.has("attachable")) remarks.push("--attachable concerns a swarm and is left out");
  if (given.values("label").length > 0) remarks.push("labels have no place in a CNI configuration and are left out");
  if (given.values("ipam-opt").length > 0)
    remarks.push("--ipam-opt means nothing to the built-in allocator and is left out");
  return {
    name,
    driver: given.value("driver") ?? "",
    options: pairs(given.values("opt")),
    subnets: subnetsOf(
      list(given.values("subnet")),
      list(given.values("gateway")),
      list(given.values("ip-range")),
      pairs(given.values("aux-address")),
      refuse,
    ),
    internal: given.has("internal"),
    ipv4: given.value("ipv4") !== "false",
    ipv6: given.has("ipv6"),
    ipamDriver: given.value("ipam-driver") ?? "",
    remarks,
  };
}

function parse(words: readonly string[]): ReturnType<typeof parseArguments> {
  try {
    return parseArguments(words, flags);
  } catch (error) {
    if (error instanceof UsageError) throw new Refusal(`docker network create: ${error.message}`);
    throw error;
  }
}

/** pflag's slices: several flags, and commas in each. */
const list = (values: readonly string[]): readonly string[] =>
  values.flatMap((value) => value.split(",")).map((value) => value.trim());

/** KEY=VALUE each; the last one of a key counts. */
function pairs(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((value) => {
      const equals = value.indexOf("=");
      return equals < 0 ? [value, ""] : [value.slice(0, equals), value.slice(equals + 1)];
    }),
  );
}

/** Which range, gateway and address is of which subnet: that which holds it (docker/cli, createIPAMConfig). */
function subnetsOf(
  subnets: readonly string[],
  gateways: readonly string[],
  ranges: readonly string[],
  auxAddresses: Readonly<Record<string, string>>,
  refuse: (why: string) => Refusal,
): readonly DockerSubnet[] {
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw refuse("each gateway and each ip-range needs a subnet of its own (--subnet)");
  }
  const found = subnets.map((subnet) => {
    const prefix = parsePrefix(subnet);
    if (prefix === undefined) throw refuse(`the subnet ${subnet} is no ADDRESS/LENGTH`);
    return { subnet, prefix, gateway: undefined, ipRange: undefined, auxAddresses: {} } as {
      readonly subnet: string;
      readonly prefix: Prefix;
      gateway: string | undefined;
      ipRange: string | undefined;
      readonly auxAddresses: Record<string, string>;
    };
  });
  const holder = (text: string, what: string): (typeof found)[number] => {
    const address = parsePrefix(text)?.address ?? parseAddress(text);
    if (address === undefined) throw refuse(`the ${what} ${text} is no address`);
    const one = found.find(({ prefix }) => contains(prefix, address));
    if (one === undefined) throw refuse(`the ${what} ${text} is in no subnet of the network`);
    return one;
  };
  for (const range of ranges) {
    if (parsePrefix(range) === undefined) throw refuse(`the ip-range ${range} is no ADDRESS/LENGTH`);
    const one = holder(range, "ip-range");
    if (one.ipRange !== undefined) throw refuse(`the subnet ${one.subnet} has two ranges: ${one.ipRange} and ${range}`);
    one.ipRange = range;
  }
  for (const gateway of gateways) {
    const one = holder(gateway, "gateway");
    if (one.gateway !== undefined)
      throw refuse(`the subnet ${one.subnet} has two gateways: ${one.gateway} and ${gateway}`);
    one.gateway = gateway;
  }
  for (const [key, address] of Object.entries(auxAddresses)) {
    if (address === "") throw refuse(`--aux-address ${key}: NAME=ADDRESS is wanted`);
    holder(address, "aux-address").auxAddresses[key] = address;
  }
  return found;
}
