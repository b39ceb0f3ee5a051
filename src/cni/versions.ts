import { ErrorCode, PluginError } from "../errors.ts";
import type { Command } from "./environment.ts";
import { describe } from "./json.ts";

/** Every released version of the CNI specification, oldest first. */
export const cniVersions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

export type CniVersion = (typeof cniVersions)[number];

export const newestVersion: CniVersion = "1.1.0";

/** What an absent or empty `cniVersion` means (cni, pkg/types/create: DecodeVersion). */
export const unversioned: CniVersion = "0.1.0";

export function isCniVersion(value: unknown): value is CniVersion {
  return (cniVersions as readonly unknown[]).includes(value);
}

export function isAtLeast(version: CniVersion, other: CniVersion): boolean {
  return cniVersions.indexOf(version) >= cniVersions.indexOf(other);
}

/** @throws PluginError 1 for a version that this plugin does not speak, 7 for what is no text */
export function parseCniVersion(value: unknown): CniVersion {
  if (value === undefined || value === null || value === "") return unversioned;
  if (isCniVersion(value)) return value;
  if (typeof value !== "string") {
    throw new PluginError(ErrorCode.invalidConfiguration, "cniVersion must be a string such as 1.1.0", "/cniVersion");
  }
  const message = `cniVersion ${describe(value)} is not supported: use one of ${cniVersions.join(", ")}`;
  throw new PluginError(ErrorCode.incompatibleVersion, message, "/cniVersion");
}

/**
 * Commands came with versions: CHECK with 0.4.0, GC and STATUS with 1.1.0.
 * @throws PluginError 1 where the configuration's version does not have the command (cni, pkg/skel)
 */
export function requireCommand(command: Command, version: CniVersion): void {
  const since = command === "CHECK" ? "0.4.0" : command === "GC" || command === "STATUS" ? "1.1.0" : unversioned;
  if (isAtLeast(version, since)) return;
  const message = `${command} came with cniVersion ${since}, and this configuration has ${version}`;
  throw new PluginError(ErrorCode.incompatibleVersion, message, "/cniVersion");
}
