import { findFault, isObject, type JsonObject, parseJson } from "../cni/json.ts";
import { isPluginName } from "../cni/names.ts";
import { cniVersions, isCniVersion, parseCniVersion } from "../cni/versions.ts";
import type { NetworkConfig } from "../config/network-config.ts";
import { parseName, parseNetworkConfig } from "../config/parse.ts";
import { PluginError } from "../errors.ts";
import { fileStatus, listFolder, readText } from "../system/files.ts";
import { type Places, placesOf, type Spot, spotOf } from "./places.ts";

/** Where runtimes look for networks. */
export const defaultFolder = "/etc/cni/net.d";

export type Severity = "error" | "warning";

export interface Finding {
  readonly file: string;
  readonly spot: Spot;
  readonly severity: Severity;
  /** JSON pointer into the file; empty where the whole file, or its syntax, is meant. */
  readonly pointer: string;
  readonly message: string;
}

/** One plugin of a network. */
export interface Entry {
  readonly type: string;
  /** Of the entry in its file. */
  readonly pointer: string;
  readonly raw: JsonObject;
}

/** A network in a file, as far as it could be read. */
export interface Network {
  readonly file: string;
  readonly name: string;
  readonly entries: readonly Entry[];
  /** Of the entries of the type ipvlan that are valid: what the plugin makes of them. */
  readonly own: readonly { readonly entry: Entry; readonly config: NetworkConfig }[];
  /** A finding at this place of the file. */
  find(severity: Severity, pointer: string, message: string): Finding;
}

export interface Read {
  readonly files: readonly string[];
  readonly networks: readonly Network[];
  readonly findings: readonly Finding[];
}

/**
 * The files that a runtime reads in a folder, in its order (cni, libcni/conf.go, ConfFiles).
 * @returns undefined where there is no such file or folder
 */
export function configurationFiles(path: string): readonly string[] | undefined {
  const status = fileStatus(path);
  if (status === undefined) return undefined;
  if (!status.isFolder) return [path];
  return listFolder(path)
    .filter((name) => /\.(conf|conflist|json)$/.test(name))
    .sort()
    .map((name) => `${path}/${name}`);
}

/** Reads configurations and lists, and reports what is wrong in each by itself. */
export function readConfigurations(files: readonly string[]): Read {
  const findings: Finding[] = [];
  const networks = files.flatMap((file) => {
    const network = readFile(file, readText(file) ?? "", findings);
    return network === undefined ? [] : [network];
  });
  return { files, networks, findings };
}

function readFile(file: string, text: string, findings: Finding[]): Network | undefined {
  const report = (severity: Severity, offset: number, pointer: string, message: string): void => {
    findings.push({ file, spot: spotOf(text, offset), severity, pointer, message });
  };
  let raw: unknown;
  try {
    raw = parseJson(text, "the file");
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    const { at, expected } = findFault(text);
    report("error", Math.min(at, text.length), "", text.trim() === "" ? "the file is empty" : `${expected} expected`);
    return undefined;
  }
  const places = placesOf(text);
  const fault = (severity: Severity, pointer: string, message: string): void =>
    report(severity, offsetOf(places, pointer), pointer, message);
  for (const { pointer, at } of places.doubled.slice(0, mostFaults)) {
    report("warning", at, pointer, "the key stands here a second time: the first one is passed over");
  }
  if (!isObject(raw)) {
    fault("error", "", "a JSON object is wanted: a network configuration, or a list with plugins");
    return undefined;
  }
  const isList = "plugins" in raw || file.endsWith(".conflist");
  checkHead(raw, isList, file, fault);
  const entries = isList ? entriesOf(raw, fault) : [entryOf(raw, "", fault)].filter((entry) => entry !== undefined);
  const own = entries.flatMap((entry, index) => {
    if (entry.type !== "ipvlan") return [];
    const config = checkEntry(raw, entry, index, isList, fault);
    return config === undefined ? [] : [{ entry, config }];
  });
  const name = typeof raw.name === "string" ? raw.name : "";
  return {
    file,
    name,
    entries,
    own,
    find: (severity, pointer, message) => ({
      file,
      spot: spotOf(text, offsetOf(places, pointer)),
      severity,
      pointer,
      message,
    }),
  };
}

type Fault = (severity: Severity, pointer: string, message: string) => void;

/** What stands beside the plugins. */
function checkHead(raw: JsonObject, isList: boolean, file: string, fault: Fault): void {
  if (isList && !file.endsWith(".conflist")) {
    fault("error", "/plugins", "a list is read from a file *.conflist alone: rename this one");
  }
  // Of a single plugin's configuration its own reading says it.
  if (!isList && raw.type === "ipvlan") return;
  attempt(fault, "/name", () => parseName(raw.name));
  attempt(fault, "/cniVersion", () => parseCniVersion(raw.cniVersion));
  if (!isList) return;
  if (Array.isArray(raw.cniVersions)) {
    for (const [index, version] of raw.cniVersions.entries()) {
      if (isCniVersion(version)) continue;
      fault("warning", `/cniVersions/${index}`, `is none of ${cniVersions.join(", ")}`);
    }
  } else if (raw.cniVersions !== undefined) fault("error", "/cniVersions", "must be a list of versions");
  for (const key of ["disableCheck", "disableGC", "loadOnlyInlinedPlugins"]) {
    if (raw[key] !== undefined && typeof raw[key] !== "boolean") fault("error", `/${key}`, "must be true or false");
  }
}

function attempt(fault: Fault, pointer: string, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    fault("error", pointer, error.message);
  }
}

function entriesOf(raw: JsonObject, fault: Fault): readonly Entry[] {
  if (!Array.isArray(raw.plugins) || raw.plugins.length === 0) {
    fault("error", "/plugins", 'a list needs "plugins", a list of one plugin at least');
    return [];
  }
  return raw.plugins.map((one, index) => entryOf(one, `/plugins/${index}`, fault)).filter((one) => one !== undefined);
}

function entryOf(raw: unknown, pointer: string, fault: Fault): Entry | undefined {
  if (!isObject(raw)) fault("error", pointer, "a plugin's entry must be an object");
  else if (raw.type === undefined) fault("error", pointer, 'lacks the key "type", the plugin\'s name');
  else if (typeof raw.type !== "string" || !isPluginName(raw.type)) {
    fault("error", `${pointer}/type`, "must be the name of a program, not a path");
  } else return { type: raw.type, pointer, raw };
  return undefined;
}

/** One finding hides no other: what is refused is taken out, and the rest read again. */
const mostFaults = 20;

/** What the plugin says of its entry. @returns its configuration, where it is valid */
function checkEntry(
  file: JsonObject,
  entry: Entry,
  index: number,
  isList: boolean,
  fault: Fault,
): NetworkConfig | undefined {
  const { name, cniVersion } = file;
  const data = JSON.parse(JSON.stringify(isList ? { ...entry.raw, name, cniVersion } : entry.raw));
  // The faults of what stands beside the plugins are known already.
  if (isList && !isGoodName(name)) data.name = "network";
  if (isList && cniVersion !== undefined && !isCniVersion(cniVersion)) data.cniVersion = "1.0.0";
  if (index > 0 && data.prevResult === undefined) data.prevResult = anyResult(data.cniVersion);
  const removed: string[] = [];
  while (removed.length < mostFaults) {
    try {
      const { config, warnings } = parseNetworkConfig(JSON.stringify(data), {
        command: "ADD",
        args: "",
        netns: "/run/netns/container",
        ifname: "eth0",
      });
      for (const warning of warnings) fault("warning", entry.pointer + pointerIn(warning), warning);
      return removed.length === 0 ? config : undefined;
    } catch (error) {
      if (!(error instanceof PluginError)) throw error;
      const pointer = error.details.startsWith("/") ? error.details : "";
      // A key that is missing since it was taken out.
      const isOwn = removed.some((one) => one === pointer || one.startsWith(`${pointer}/`));
      if (!isOwn) fault("error", entry.pointer + pointer, error.message);
      removed.push(pointer);
      if (!take(data, pointer)) return undefined;
    }
  }
  return undefined;
}

function isGoodName(name: unknown): boolean {
  try {
    parseName(name);
    return true;
  } catch {
    return false;
  }
}

/** As a plugin before this one in the chain may give it. */
const anyResult = (version: unknown): object => ({
  cniVersion: version,
  interfaces: [{ name: "eth0", sandbox: "/run/netns/container" }],
  ips: [{ address: "192.0.2.1/24", interface: 0, version: "4" }],
});

/** The key that a warning names in quotes. */
function pointerIn(warning: string): string {
  const [, key] = /^(?:unknown )?key "([^"]+)"/.exec(warning) ?? [];
  return key === undefined ? "" : `/${key}`;
}

/** Takes a value out. False where nothing is there to be taken, or where that would renumber others. */
function take(data: unknown, pointer: string): boolean {
  const tokens = pointer.split("/").slice(1).map(readToken);
  const last = tokens.pop();
  let parent = data;
  for (const one of tokens)
    parent = isObject(parent) || Array.isArray(parent) ? (parent as JsonObject)[one] : undefined;
  if (last === undefined || !isObject(parent)) return false;
  const key = Object.keys(parent).find((one) => one === last) ?? sameInAnyCase(Object.keys(parent), last);
  return key !== undefined && delete (parent as Record<string, unknown>)[key];
}

const readToken = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");

const sameInAnyCase = (keys: readonly string[], wanted: string): string | undefined =>
  keys.find((key) => key.toLowerCase() === wanted.toLowerCase());

/** Of the value, or of the key where it is unknown; of what is around it where the place itself is not in the file. */
function offsetOf({ of }: Places, pointer: string): number {
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf("/"))) {
    const place = of.get(at) ?? of.get(sameInAnyCase([...of.keys()], at) ?? at);
    if (place !== undefined) return place.at;
    if (at === "") return 0;
  }
}
