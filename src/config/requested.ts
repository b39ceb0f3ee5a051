import { parseCniArgs } from "../cni/args.ts";
import { invalid } from "../cni/read.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { formatAddress, parseAddress, parsePrefix } from "../ip/address.ts";
import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";
import type { RequestedAddress } from "./network-config.ts";

/**
 * The addresses that a runtime asks for, each once: `CNI_ARGS` IP=a,b, then `args.cni.ips`, then `runtimeConfig.ips`
 * (plugins, host-local, allocator/config.go: all three count).
 *
 * @throws PluginError 4 for CNI_ARGS, 7 for the configuration
 */
export function parseRequested(raw: NetworkConfiguration, cniArgs: string): readonly RequestedAddress[] {
  const requested = [
    ...argumentsOf(cniArgs),
    ...listed(raw.args?.cni?.ips, "/args/cni/ips"),
    ...listed(raw.runtimeConfig?.ips, "/runtimeConfig/ips"),
  ];
  const once = new Map<string, RequestedAddress>();
  for (const one of requested) {
    const key = formatAddress(one.address);
    if (!once.has(key)) once.set(key, one);
  }
  return [...once.values()];
}

function argumentsOf(cniArgs: string): readonly RequestedAddress[] {
  return cniArgs === "" ? [] : splitList(parseCniArgs(cniArgs, ["IP"]).get("IP")).map(readArgument);
}

/** null is Go's empty list. */
function listed(texts: readonly string[] | null | undefined, pointer: string): readonly RequestedAddress[] {
  return (texts ?? []).flatMap((text, index) => (text === "" ? [] : [readRequested(text, `${pointer}/${index}`)]));
}

function readRequested(text: string, pointer: string): RequestedAddress {
  const found = parseRequestedAddress(text);
  if (found !== undefined) return found;
  throw invalid(pointer, `${JSON.stringify(text)} is neither an address nor ADDRESS/LENGTH`);
}

function readArgument(text: string): RequestedAddress {
  const found = parseRequestedAddress(text);
  if (found !== undefined) return found;
  const message = `CNI_ARGS: IP=${text} is neither an address nor ADDRESS/LENGTH`;
  throw new PluginError(ErrorCode.invalidEnvironment, message);
}

function parseRequestedAddress(text: string): RequestedAddress | undefined {
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return prefix;
  const address = parseAddress(text);
  return address === undefined ? undefined : { address, length: undefined };
}

/** The items of a list with commas, without white space around them and without empty ones. */
export function splitList(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** The built-in allocator gives one address of a family. */
export function refuseSeveralOfAFamily(requested: readonly RequestedAddress[]): void {
  if (requested.length < 2) return;
  for (const family of [4, 6] as const) {
    const [one, other] = requested.filter(({ address }) => address.family === family);
    if (one === undefined || other === undefined) continue;
    const both = `${formatAddress(one.address)} and ${formatAddress(other.address)}`;
    const message = `${both} are asked for, and a container gets one IPv${family} address`;
    throw new PluginError(ErrorCode.invalidConfiguration, message, "/runtimeConfig/ips");
  }
}
