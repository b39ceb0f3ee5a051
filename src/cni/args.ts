import { ErrorCode, PluginError } from "../errors.ts";
import { describe } from "./json.ts";

/**
 * `CNI_ARGS`, "K=V;K2=V2", as libcni reads it (cni, pkg/types/args.go): an unknown key is an error unless the runtime
 * says IgnoreUnknown, as Kubernetes runtimes do for the K8S_ keys they add.
 *
 * @param known the keys that are understood; their case counts
 * @returns the known keys that were given
 * @throws PluginError 4 for what is no pair, for unknown keys and for an IgnoreUnknown that is no boolean
 */
export function parseCniArgs(text: string, known: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const unknown: string[] = [];
  let ignoreUnknown = false;
  for (const pair of text === "" ? [] : text.split(";")) {
    const equals = pair.indexOf("=");
    const key = pair.slice(0, equals);
    const value = pair.slice(equals + 1);
    if (equals < 0 || value.includes("=")) throw fault(`${describe(pair)} is no KEY=VALUE`);
    if (key === "IgnoreUnknown") ignoreUnknown = parseBoolean(value);
    else if (known.includes(key)) values.set(key, value);
    else unknown.push(key);
  }
  if (unknown.length > 0 && !ignoreUnknown) {
    const what = `${unknown.join(", ")} ${unknown.length === 1 ? "is" : "are"} not known here`;
    throw fault(`${what}: take it out, or add IgnoreUnknown=1`);
  }
  return values;
}

function parseBoolean(text: string): boolean {
  const value = text.toLowerCase();
  if (value === "1" || value === "true") return true;
  if (value === "0" || value === "false") return false;
  throw fault(`IgnoreUnknown=${text} must be 1, true, 0 or false`);
}

function fault(what: string): PluginError {
  return new PluginError(ErrorCode.invalidEnvironment, `CNI_ARGS: ${what}`);
}

/**
 * The name of a container that comes again under it: a pod of a StatefulSet, whose name ends in its number, or outside of Kubernetes
 * (which tells each pod's uid) whatever the runtime calls it by. Undefined for names that are made up anew each time.
 */
export function lastingName(text: string): string | undefined {
  const pod = podIn(text);
  return /(?:^|;)K8S_POD_UID=/.test(text) && !/-\d+$/.test(pod ?? "") ? undefined : pod;
}

/** The pod that CNI_ARGS names, as Kubernetes' runtimes do: "NAMESPACE/NAME"; undefined where there is none. */
export function podIn(text: string): string | undefined {
  // Names are DNS labels and subdomains (RFC 1123). Multus passes each of them twice.
  const [, namespace] = /(?:^|;)K8S_POD_NAMESPACE=([a-z0-9-]{1,63})(?:;|$)/.exec(text) ?? [];
  const [, name] = /(?:^|;)K8S_POD_NAME=([a-z0-9.-]{1,253})(?:;|$)/.exec(text) ?? [];
  return namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`;
}
