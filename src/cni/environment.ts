import { ErrorCode, PluginError } from "../errors.ts";
import { describe } from "./json.ts";
import { askedNameFault, identifierFault, interfaceNameFault } from "./names.ts";

export const commands = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"] as const;

export type Command = (typeof commands)[number];

/** The protocol's parameters (SPEC.md, section 2, "Parameters"). What a command does not require may be "". */
export interface Environment {
  readonly command: Command;
  readonly containerId: string;
  /** Path of the container's network namespace. */
  readonly netns: string;
  readonly ifname: string;
  /** `CNI_ARGS` as it came; see args.ts. */
  readonly args: string;
  /** Folders in which delegated plugins are looked for. */
  readonly path: readonly string[];
  /** `CNI_NETNS` may be the namespace that the plugin itself runs in (cni, pkg/skel). */
  readonly netnsOverride: boolean;
}

type Variable = "CNI_CONTAINERID" | "CNI_NETNS" | "CNI_IFNAME" | "CNI_PATH";

// SPEC.md, section 2, "Required environment parameters" of each command. libcni's pkg/skel asks for CNI_PATH everywhere;
// the specification calls it optional but for GC, and whoever delegates notices its absence.
const required: Readonly<Record<Command, readonly Variable[]>> = {
  ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
  DEL: ["CNI_CONTAINERID", "CNI_IFNAME"],
  CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
  GC: ["CNI_PATH"],
  STATUS: [],
  VERSION: [],
};

/** The folders of a list with colons between them. */
export function foldersOf(path: string): string[] {
  return path.split(":").filter((folder) => folder !== "");
}

/**
 * @param variables the process's environment
 * @throws PluginError 4 that names every variable that is missing or malformed
 */
export function parseEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const get = (name: string): string => variables[name] ?? "";
  const command = parseCommand(get("CNI_COMMAND"));
  checkRequired(command, get);
  return {
    command,
    containerId: get("CNI_CONTAINERID"),
    netns: get("CNI_NETNS"),
    ifname: get("CNI_IFNAME"),
    args: get("CNI_ARGS"),
    path: foldersOf(get("CNI_PATH")),
    netnsOverride: isTrue(get("CNI_NETNS_OVERRIDE")),
  };
}

function checkRequired(command: Command, get: (name: Variable) => string): void {
  const missing: string[] = [];
  const malformed: string[] = [];
  for (const name of required[command]) {
    const value = get(name);
    const fault = value === "" ? undefined : faultOf(command, name, value);
    if (value === "") missing.push(name);
    if (fault !== undefined) malformed.push(`${name} ${describe(value)} ${fault}`);
  }
  if (missing.length > 0) malformed.unshift(`${command} needs ${missing.join(", ")} in the environment`);
  if (malformed.length > 0) throw new PluginError(ErrorCode.invalidEnvironment, malformed.join("; "));
}

function isTrue(text: string): boolean {
  return text === "1" || text.toLowerCase() === "true";
}

function parseCommand(text: string): Command {
  if ((commands as readonly string[]).includes(text)) return text as Command;
  const what = text === "" ? "CNI_COMMAND is not set" : `CNI_COMMAND ${describe(text)} is unknown`;
  throw new PluginError(ErrorCode.invalidEnvironment, `${what}: it must be one of ${commands.join(", ")}`);
}

// No link can have a name that ADD refuses: DEL of it has nothing to do and must succeed, or the runtime tries for ever.
function faultOf(command: Command, name: Variable, value: string): string | undefined {
  if (name === "CNI_IFNAME") return command === "DEL" ? askedNameFault(value) : interfaceNameFault(value);
  return name === "CNI_CONTAINERID" ? identifierFault(value) : undefined;
}
