import { port } from "#system";
import { asPluginError } from "../cni/print.ts";
import { cniVersions } from "../cni/versions.ts";
import { explain } from "../commands/explain.ts";
import { Errno, isErrno } from "../system/errno.ts";
import { commit, version as programVersion } from "../version.ts";
import { type Arguments, parseArguments, UsageError } from "./arguments.ts";
import { cluster } from "./cluster.ts";
import { FAILED, FINE, type Run } from "./command.ts";
import { complete, completion } from "./completion.ts";
import { Refusal } from "./convert/draft.ts";
import { convert } from "./convert.ts";
import { doctor } from "./doctor.ts";
import { graph } from "./graph.ts";
import { findCommand, help, printManual, printOverview } from "./help.ts";
import { list } from "./list.ts";
import { type CommandManual, helpFlag, manual } from "./manual.ts";
import { metrics } from "./metrics.ts";
import { plan } from "./plan.ts";
import { release } from "./release.ts";
import { schema } from "./schema.ts";
import { show } from "./show.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { validate } from "./validate.ts";
import { version } from "./version.ts";

const runs: Readonly<Record<string, Run>> = {
  validate,
  convert,
  doctor,
  list,
  show,
  graph,
  plan,
  release,
  cluster,
  metrics,
  schema,
  completion,
  version,
  help,
};

/** @returns the exit code, see command.ts */
export function runCommandLine(): number {
  const { argv, environment } = port;
  const terminal = openTerminal(environment);
  try {
    const code = run(argv, environment, terminal);
    terminal.flush();
    return code;
  } catch (error) {
    // Whoever read it has seen enough (`| head`).
    if (isErrno(error, Errno.EPIPE)) return FAILED;
    terminal.warn(`ipvlan: ${sentenceOf(error)}`);
    return FAILED;
  }
}

function run(argv: readonly string[], environment: typeof port.environment, terminal: Terminal): number {
  const [name, ...words] = argv;
  if (name === undefined) return introduce(terminal);
  if (name === "--help" || name === "-h") {
    printOverview(terminal);
    return FINE;
  }
  if (name === "__complete") return complete(words, terminal);
  const command = findCommand(name === "--version" ? "version" : name);
  const given = read(command, words);
  if (given.has(helpFlag.name)) {
    printManual(terminal, command);
    return FINE;
  }
  return (runs[command.name] as Run)({ arguments: given, environment, terminal });
}

function read(command: CommandManual, words: readonly string[]): Arguments {
  const flags = [...command.flags, helpFlag];
  const first = command.takesForeignWords
    ? words.findIndex((word) => /^(\$|#|sudo|docker|podman|nerdctl)$/.test(word))
    : -1;
  try {
    if (first < 0) return parseArguments(words, flags);
    const own = parseArguments(words.slice(0, first), flags);
    return { ...own, words: [...own.words, ...words.slice(first)] };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message} (ipvlan help ${command.name})`);
  }
}

/** What the reference plugins say without a command, too (cni, pkg/skel), and where to go from here. */
function introduce(terminal: Terminal): number {
  terminal.warn(`CNI plugin ipvlan v${programVersion} (${commit})`);
  terminal.warn(`CNI protocol versions supported: ${cniVersions.join(", ")}`);
  terminal.warn(`Commands: ${manual.map(({ name }) => name).join(", ")}; ipvlan help tells more`);
  return FINE;
}

function sentenceOf(error: unknown): string {
  if (error instanceof UsageError || error instanceof Refusal) return error.message;
  const { message, details } = asPluginError(explain(error));
  return details === "" ? message : `${message} [${details}]`;
}
