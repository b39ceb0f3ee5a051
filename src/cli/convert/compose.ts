import { FAILSAFE_SCHEMA, load, mergeTag, YAMLException } from "js-yaml";
import { isObject, type JsonObject } from "../../cni/json.ts";
import type { DockerNetwork, DockerSubnet } from "./docker-network.ts";
import { Refusal } from "./draft.ts";
import { text, texts } from "./inspected.ts";

// Every scalar as it is written: versions, ports and yes are no numbers and booleans here.
const schema = FAILSAFE_SCHEMA.withTags(mergeTag);

/** @returns undefined for what is no mapping @throws Refusal for what is no YAML, with the place */
export function readYaml(source: string, name: string): JsonObject | undefined {
  try {
    const value = load(source, { schema });
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { mark, reason } = error;
    throw new Refusal(`${name}${mark ? `:${mark.line + 1}:${mark.column + 1}` : ""}: no YAML: ${reason}`);
  }
}

export interface ComposeNetworks {
  readonly networks: readonly DockerNetwork[];
  readonly remarks: readonly string[];
}

/**
 * The ipvlan networks of a Compose file, of whatever version (compose-spec, 06-networks.md). As Compose names them: by `name`, else
 * with the project in front where the file names it.
 */
export function readCompose(
  raw: JsonObject,
  environment: Readonly<Record<string, string | undefined>>,
): ComposeNetworks {
  const file = interpolate(raw, environment) as JsonObject;
  const project = text(file.name);
  const remarks: string[] = [];
  const networks: DockerNetwork[] = [];
  for (const [key, value] of Object.entries(isObject(file.networks) ? file.networks : {})) {
    const network = isObject(value) ? value : {};
    const { external } = network;
    if (isObject(external) || isTrue(external)) {
      remarks.push(`network ${key} is external: it is not described here`);
      continue;
    }
    if (text(network.driver) !== "ipvlan") {
      remarks.push(
        `network ${key} is left out: its driver is ${text(network.driver) || "Docker's default"}, not ipvlan`,
      );
      continue;
    }
    networks.push(readNetwork(network, text(network.name) || (project === "" ? key : `${project}_${key}`)));
    for (const [service, address] of fixedAddresses(file, key)) {
      remarks.push(
        `service ${service} has the address ${address} in ${key}: its runtime asks for it by the capability ips`,
      );
    }
  }
  return { networks, remarks };
}

function readNetwork(raw: JsonObject, name: string): DockerNetwork {
  const ipam = isObject(raw.ipam) ? raw.ipam : {};
  const remarks: string[] = [];
  if (raw.labels !== undefined && raw.labels !== "") remarks.push("its labels are left out");
  return {
    name,
    driver: text(raw.driver),
    options: texts(raw.driver_opts),
    subnets: (Array.isArray(ipam.config) ? ipam.config : []).filter(isObject).map(
      (one): DockerSubnet => ({
        subnet: text(one.subnet),
        gateway: text(one.gateway),
        ipRange: text(one.ip_range),
        auxAddresses: texts(one.aux_addresses),
      }),
    ),
    internal: isTrue(raw.internal),
    ipv4: raw.enable_ipv4 === undefined || isTrue(raw.enable_ipv4),
    ipv6: isTrue(raw.enable_ipv6),
    ipamDriver: text(ipam.driver),
    remarks,
  };
}

/** YAML 1.1's words, which Compose's reader takes. */
const isTrue = (value: unknown): boolean => /^(true|yes|on|y)$/i.test(text(value));

function fixedAddresses(file: JsonObject, network: string): [string, string][] {
  return Object.entries(isObject(file.services) ? file.services : {}).flatMap(([service, raw]) => {
    const networks = isObject(raw) && isObject(raw.networks) ? raw.networks[network] : undefined;
    if (!isObject(networks)) return [];
    return [networks.ipv4_address, networks.ipv6_address]
      .filter((address) => address !== undefined)
      .map((address): [string, string] => [service, text(address)]);
  });
}

/** `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME-default}`, in every value (compose-spec, 12-interpolation.md). */
function interpolate(value: unknown, environment: Readonly<Record<string, string | undefined>>): unknown {
  if (Array.isArray(value)) return value.map((one) => interpolate(one, environment));
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, interpolate(one, environment)]));
  }
  if (typeof value !== "string") return value;
  return value.replace(/\$(?:\$|(\w+)|\{(\w+)(?:(:?)([-?])([^}]*))?\})/g, (all, plain, name, colon, operator, rest) => {
    if (all === "$$") return "$";
    const found = environment[plain ?? name];
    if (found !== undefined && (found !== "" || colon !== ":")) return found;
    if (operator === "?") throw new Refusal(`the variable ${name} is not set: ${rest}`);
    return operator === "-" ? rest : (found ?? "");
  });
}
