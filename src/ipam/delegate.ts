import { foldersOf } from "../cni/environment.ts";
import type { Attachment } from "../cni/gc.ts";
import { error, result } from "../cni/generated/protocol.keys.ts";
import { isObject, tryJson } from "../cni/json.ts";
import { normalise } from "../cni/normalise.ts";
import type { Result } from "../cni/result.ts";
import { resultFromJson } from "../cni/result-from-json.ts";
import { type CniVersion, isAtLeast } from "../cni/versions.ts";
import { hint } from "../config/did-you-mean.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { findProgram, type ProgramOutcome, runInstalled } from "../system/programs.ts";
import { tell } from "../system/standard-error.ts";
import { beginUndo, timeLeft } from "../system/time-budget.ts";
import type { Allocation, Ipam } from "./ipam.ts";

/** What a delegated plugin is given. */
export interface DelegateContext extends Attachment {
  readonly cniVersion: CniVersion;
  readonly stdin: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

type Command = "ADD" | "DEL" | "CHECK" | "GC" | "STATUS";

/**
 * An IPAM plugin that is not built in: a program on CNI_PATH, executed with the environment and configuration that this
 * plugin was given (SPEC.md, section 4).
 * @param budget milliseconds that a run of it may take
 */
export function openDelegate(context: DelegateContext, plugin: string, budget = timeLeft): Ipam {
  const run = (command: Command) => execute(context, plugin, command, budget());
  // As libcni: GC and STATUS came with 1.1.0, and a plugin of an earlier version does not know them.
  const runRecent = (command: Command) => {
    if (!isAtLeast(context.cniVersion, "1.1.0")) return;
    try {
      run(command);
    } catch (error) {
      if (!(error instanceof PluginError && isUnknownCommand(error))) throw error;
    }
  };
  return {
    releasesOverLink: true,
    add(): Allocation {
      const file = find(context, plugin);
      try {
        return allocationOf(
          parseResult(execute(context, plugin, "ADD", budget(), file), plugin, context.cniVersion),
          plugin,
        );
      } catch (error) {
        // "If, on ADD, a delegated plugin fails, the upper plugin should execute again with DEL before returning
        // failure."
        beginUndo();
        try {
          execute(context, plugin, "DEL", budget(), file);
        } catch {
          // The first failure says more.
        }
        throw error;
      }
    },
    del: () => void run("DEL"),
    check: () => void run("CHECK"),
    gc: () => runRecent("GC"),
    status: () => runRecent("STATUS"),
  };
}

/** The code of skel in a plugin of an earlier version, and the message of one from before there were codes. */
function isUnknownCommand(error: PluginError): boolean {
  return error.code === ErrorCode.incompatibleVersion || error.message.startsWith("unknown CNI_COMMAND");
}

function failure(plugin: string, message: string, details = ""): PluginError {
  return new PluginError(ErrorCode.delegate, `IPAM plugin ${plugin} ${message}`, details);
}

/** The types that need no program; a near miss of one is looked for as a program. */
const builtIn = ["host-local", "static"];

/** Looks the program up as libcni does: the first regular file of that name. */
function find({ environment }: DelegateContext, plugin: string): string {
  const path = environment.CNI_PATH ?? "";
  const folders = foldersOf(path);
  if (folders.length === 0) {
    const message = `CNI_PATH is not set: the IPAM plugin ${plugin} is looked for in the folders that it names`;
    throw new PluginError(ErrorCode.invalidEnvironment, message);
  }
  const file = findProgram(folders, plugin);
  if (file !== undefined) return file;
  throw failure(
    plugin,
    `is in none of the folders of CNI_PATH: ${folders.join(", ")}; install it there, or correct ipam.type${hint(plugin, builtIn)}`,
    path,
  );
}

/** @returns what the plugin wrote to its standard output */
function execute(
  context: DelegateContext,
  plugin: string,
  command: Command,
  timeoutMs: number,
  file = find(context, plugin),
): string {
  if (timeoutMs <= 0) throw failure(plugin, `is not run for ${command}: the time of this call is used up`);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(context.environment)) if (value !== undefined) environment[name] = value;
  environment.CNI_COMMAND = command;
  const options = { environment, stdin: context.stdin, timeoutMs };
  const outcome = runInstalled(file, options);
  // "Ensure that the delegated plugin's stderr is output to the calling plugin's stderr."
  tell(outcome.stderr);
  if (outcome.status === 0) return outcome.stdout;
  throw errorOf(plugin, file, command, timeoutMs, outcome);
}

function errorOf(
  plugin: string,
  file: string,
  command: Command,
  timeoutMs: number,
  outcome: ProgramOutcome,
): PluginError {
  const { status, stdout, stderr, failure: reason } = outcome;
  if (reason === "ETIMEDOUT") {
    const cause = command === "ADD" ? unanswered(plugin) : "";
    return failure(plugin, `did not end ${command} within ${Number((timeoutMs / 1000).toFixed(1))} s${cause}`, file);
  }
  if (reason === "EACCES") return failure(plugin, `is not executable: chmod +x ${file}`, file);
  if (reason === "ENOENT") return failure(plugin, `cannot start: ${file} or its interpreter does not exist`, file);
  if (reason === "ENOEXEC") return failure(plugin, `cannot start: ${file} is no program for this machine`, file);
  if (reason?.startsWith("SIG")) return failure(plugin, `was ended by ${reason} in ${command}`, file);
  if (reason !== undefined) return failure(plugin, `cannot start: ${reason}`, file);
  const own = parseError(stdout);
  if (own !== undefined) {
    // The words of the reference's dhcp for a server that is silent.
    const cause = own.message.includes("no more tries") ? unanswered(plugin) : "";
    return new PluginError(own.code, `${own.message}${cause}`, own.details);
  }
  const said = (stdout.trim() || stderr.trim()).slice(0, 500);
  const what = stdout.trim() === "" ? "without an error on its output" : "with an output that is no CNI error";
  return failure(
    plugin,
    `failed ${command} with exit status ${status} ${what}${said === "" ? "" : `: ${JSON.stringify(said)}`}`,
    file,
  );
}

/** What it means where the reference's dhcp plugin waits in vain. */
function unanswered(plugin: string): string {
  if (plugin !== "dhcp") return "";
  return (
    ": no DHCP server answered, or its answers did not arrive: to an ipvlan, whose MAC address is its parent's, they must come by " +
    "broadcast (dhcp daemon -broadcast, or a server that always answers so)"
  );
}

/** The plugin's own error object. */
function parseError(stdout: string): PluginError | undefined {
  const raw = normalise(tryJson(stdout), error, "", () => {});
  if (!isObject(raw)) return undefined;
  const { code, msg, details } = raw;
  if (typeof msg !== "string" || msg === "") return undefined;
  const isCode = typeof code === "number" && Number.isSafeInteger(code) && code > 0;
  return new PluginError(isCode ? code : ErrorCode.delegate, msg, typeof details === "string" ? details : "");
}

function parseResult(stdout: string, plugin: string, version: CniVersion): Result {
  if (stdout.trim() === "") throw failure(plugin, "succeeded in ADD and wrote no result");
  const raw = tryJson(stdout);
  if (raw === undefined) {
    throw failure(plugin, `wrote a result that is no JSON: ${JSON.stringify(stdout.trim().slice(0, 500))}`);
  }
  try {
    return resultFromJson(withoutInterfaces(normalise(raw, result, "/result", () => {})), version, "/result");
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    throw failure(plugin, `wrote a result that is wrong: ${error.message}`, error.details);
  }
}

/** An IPAM has made no interface, so what its addresses say about one (an index into nothing) does not matter. */
function withoutInterfaces(raw: unknown): unknown {
  if (!isObject(raw) || !Array.isArray(raw.ips)) return raw;
  return { ...raw, ips: raw.ips.map((ip) => (isObject(ip) ? { ...ip, interface: undefined } : ip)) };
}

function allocationOf(result: Result, plugin: string): Allocation {
  if (result.ips.length === 0) throw failure(plugin, "wrote a result without addresses");
  return {
    addresses: result.ips.map(({ address, gateway }) => ({ address, gateway })),
    routes: result.routes.map((route) => ({ ...route, gw: route.gw })),
    dns: result.dns,
  };
}
