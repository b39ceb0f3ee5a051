import { isObject, type JsonObject } from "../../cni/json.ts";
import type { DockerNetwork, DockerSubnet } from "./docker-network.ts";

/** One object of `docker network inspect` (docs.docker.com, Engine API, NetworkInspect). */
export function readInspected(raw: JsonObject): DockerNetwork {
  const ipam = isObject(raw.IPAM) ? raw.IPAM : {};
  const remarks: string[] = [];
  const containers = isObject(raw.Containers) ? Object.keys(raw.Containers).length : 0;
  if (containers > 0) remarks.push(`its ${containers} containers of today are not carried over, nor their addresses`);
  if (isObject(raw.Labels) && Object.keys(raw.Labels).length > 0) remarks.push("its labels are left out");
  return {
    name: text(raw.Name),
    driver: text(raw.Driver),
    options: texts(raw.Options),
    subnets: (Array.isArray(ipam.Config) ? ipam.Config : []).filter(isObject).map(
      (one): DockerSubnet => ({
        subnet: text(one.Subnet),
        gateway: text(one.Gateway),
        ipRange: text(one.IPRange),
        auxAddresses: texts(one.AuxiliaryAddresses ?? one.AuxAddress),
      }),
    ),
    internal: raw.Internal === true,
    ipv4: raw.EnableIPv4 !== false,
    ipv6: raw.EnableIPv6 === true,
    ipamDriver: text(ipam.Driver),
    remarks,
  };
}

export const text = (value: unknown): string => (value === undefined || value === null ? "" : String(value));

export function texts(value: unknown): Record<string, string> {
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, text(one)])) : {};
}
