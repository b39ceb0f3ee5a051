import { parse, TomlError } from "smol-toml";
import { isObject, type JsonObject } from "../../cni/json.ts";
import { fileStatus, listFolder, readText } from "../../system/files.ts";
import { defaultFolder } from "../configurations.ts";

/** A container runtime that is installed, and where it looks. */
export interface Runtime {
  readonly name: string;
  /** Folders of plugins, the first one before the others. */
  readonly plugins: readonly string[];
  /** Folder of networks. */
  readonly networks: string;
  /** Its own configuration; undefined where it has none, and uses what it was built with. */
  readonly file: string | undefined;
  /** Why that could not be read. */
  readonly fault: string | undefined;
}

const programFolders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/opt/bin"];
const isInstalled = (program: string): boolean =>
  programFolders.some((folder) => fileStatus(`${folder}/${program}`) !== undefined);

const opt = "/opt/cni/bin";

/** Those that use CNI on this host: containerd, CRI-O, and Podman where it does not use netavark. */
export function findRuntimes(): readonly Runtime[] {
  return [containerd(), crio(), podman()].filter((runtime) => runtime !== undefined);
}

interface Settings {
  readonly file: string | undefined;
  readonly value: JsonObject;
  readonly fault: string | undefined;
}

/** @param files those that are there count, later ones before earlier */
function readSettings(files: readonly string[]): Settings {
  let [file, value, fault]: [string | undefined, JsonObject, string | undefined] = [undefined, {}, undefined];
  for (const path of files) {
    const text = readText(path);
    if (text === undefined) continue;
    file = path;
    try {
      value = merge(value, parse(text));
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      fault = `${path}:${error.line}:${error.column}: ${error.message.split("\n")[0]}`;
    }
  }
  return { file, value, fault };
}

function merge(a: JsonObject, b: JsonObject): JsonObject {
  const result: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = result[key];
    result[key] = isObject(before) && isObject(value) ? merge(before, value) : value;
  }
  return result;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((one: unknown, key) => (isObject(one) ? one[key] : undefined), value);
}

/** Paths without a slash at their ends; none where it is no path. */
function paths(...values: readonly unknown[]): readonly string[] {
  return values
    .flat()
    .filter((value) => typeof value === "string" && value !== "")
    .map((path) => (path as string).replace(/\/+$/, ""));
}

function dropIns(folder: string): readonly string[] {
  return listFolder(folder)
    .filter((name) => /\.(conf|toml)$/.test(name))
    .sort()
    .map((name) => `${folder}/${name}`);
}

/** containerd/docs/cri/config.md, of configuration version 2 (containerd 1) and 3. */
function containerd(): Runtime | undefined {
  const own = "/etc/containerd/config.toml";
  const settings = readSettings([own, ...dropIns("/etc/containerd/conf.d")]);
  if (settings.file === undefined && !isInstalled("containerd")) return undefined;
  const { value, file, fault } = settings;
  const cni = merge(
    asObject(at(value, "plugins", "io.containerd.grpc.v1.cri", "cni")),
    asObject(at(value, "plugins", "io.containerd.cri.v1.runtime", "cni")),
  );
  const plugins = paths(cni.bin_dirs, cni.bin_dir);
  return {
    name: "containerd",
    plugins: plugins.length === 0 ? [opt] : plugins,
    networks: paths(cni.conf_dir)[0] ?? defaultFolder,
    file,
    fault,
  };
}

const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** crio.conf(5), "CRIO.NETWORK TABLE". */
function crio(): Runtime | undefined {
  const files = ["/etc/crio/crio.conf", ...dropIns("/etc/crio/crio.conf.d")];
  const { value, file, fault } = readSettings(files);
  if (file === undefined && !isInstalled("crio")) return undefined;
  const plugins = paths(at(value, "crio", "network", "plugin_dirs"), at(value, "crio", "network", "plugin_dir"));
  return {
    name: "CRI-O",
    plugins: plugins.length === 0 ? [opt] : plugins,
    networks: paths(at(value, "crio", "network", "network_dir"))[0] ?? defaultFolder,
    file,
    fault,
  };
}

/** containers.conf(5), "NETWORK TABLE". */
function podman(): Runtime | undefined {
  const files = ["/usr/share/containers/containers.conf", "/etc/containers/containers.conf"];
  const { value, file, fault } = readSettings([...files, ...dropIns("/etc/containers/containers.conf.d")]);
  if (at(value, "network", "network_backend") !== "cni") return undefined;
  const plugins = paths(at(value, "network", "cni_plugin_dirs"));
  const usual = ["/usr/local/libexec/cni", "/usr/libexec/cni", "/usr/local/lib/cni", "/usr/lib/cni", opt];
  return {
    name: "Podman",
    plugins: plugins.length === 0 ? usual : plugins,
    networks: paths(at(value, "network", "network_config_dir"))[0] ?? defaultFolder,
    file,
    fault,
  };
}
