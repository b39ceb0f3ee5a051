import { ErrorCode, PluginError } from "../errors.ts";
import { isExhausted } from "../system/limits.ts";
import { isObject, type JsonObject, tryJson } from "./json.ts";
import { oneLine } from "./one-line.ts";
import type { Result } from "./result.ts";
import { resultToJson } from "./result-to-json.ts";
import { type CniVersion, cniVersions, newestVersion, unversioned } from "./versions.ts";

/** What ADD writes on standard output. @throws PluginError 1 where the version has no room for the result */
export function formatResult(result: Result, version: CniVersion): string {
  return format(resultToJson(result, version));
}

/**
 * The error object (SPEC.md, section 5, "Error").
 * @param stdin the configuration as it came: the answer is in its version
 * @param error anything thrown; what is no PluginError is a mistake in this program
 */
export function formatError(error: unknown, stdin: string): string {
  const { code, message, details } = asPluginError(error);
  return format({
    cniVersion: versionIn(stdin),
    code,
    msg: oneLine(message),
    details: details === "" ? undefined : oneLine(details),
  });
}

export function asPluginError(error: unknown): PluginError {
  if (error instanceof PluginError) return error;
  if (isExhausted(error)) {
    const message =
      "out of memory: the network configuration, or what it refers to, is larger than any that makes sense";
    return new PluginError(ErrorCode.ioFailure, message, String(error));
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const details = error instanceof Error ? (error.stack ?? "") : "";
  return new PluginError(ErrorCode.internal, `mistake in ipvlan-cni, please report it: ${message}`, details);
}

/** VERSION's answer: the version is the caller's (SPEC.md, section 5, "VERSION Success"). */
export function formatVersion(stdin: string): string {
  return format({ cniVersion: versionIn(stdin, newestVersion), supportedVersions: cniVersions });
}

// The text may be anything: what cannot be read has the newest version, and so has what is no version at all.
function versionIn(stdin: string, absent: CniVersion = unversioned): string {
  const value = tryJson(stdin);
  const version = isObject(value) ? (value.cniVersion ?? "") : undefined;
  if (version === "") return absent;
  return typeof version === "string" && /^[\w.+-]{1,32}$/.test(version) ? version : newestVersion;
}

// Four spaces, as libcni writes it: people read this in logs and on terminals.
function format(value: JsonObject): string {
  return `${JSON.stringify(value, undefined, 4)}\n`;
}
