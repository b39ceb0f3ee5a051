import { port } from "#system";
import { type Command, parseEnvironment } from "./cni/environment.ts";
import { oneLine } from "./cni/one-line.ts";
import { formatError, formatVersion } from "./cni/print.ts";
import { readStdin, readStdinAtHand } from "./cni/stdin.ts";
import { newestVersion } from "./cni/versions.ts";
import { add } from "./commands/add.ts";
import { check } from "./commands/check.ts";
import { del } from "./commands/del.ts";
import { explain } from "./commands/explain.ts";
import { gc } from "./commands/gc.ts";
import type { Invocation } from "./commands/invocation.ts";
import { status } from "./commands/status.ts";
import { ErrorCode } from "./errors.ts";
import { writeAll } from "./system/files.ts";
import { tell } from "./system/standard-error.ts";
import { encode } from "./system/text.ts";
import { beginCall } from "./system/time-budget.ts";

const STDOUT = 1;

const commands: Readonly<Record<Command, (invocation: Invocation) => void>> = {
  ADD: add,
  DEL: del,
  CHECK: check,
  GC: gc,
  STATUS: status,
  VERSION: ({ stdin, print }) => print(formatVersion(stdin)),
};

/** Without a command of the protocol it is somebody on a terminal, whose commands are loaded only now. */
function main(): void {
  if (port.environment.CNI_COMMAND) port.exit(runPlugin());
  import("./cli/main.ts").then(
    ({ runCommandLine }) => port.exit(runCommandLine()),
    (error: unknown) => {
      tell(`ipvlan: ${error}\n`);
      port.exit(2);
    },
  );
}

function runPlugin(): number {
  beginCall();
  let stdin: string | undefined;
  const print = (text: string) => writeAll(STDOUT, encode(text), "standard output");
  const warn = (message: string) => tell(`ipvlan: warning: ${oneLine(message)}\n`);
  try {
    const environment = parseEnvironment(port.environment);
    const { command } = environment;
    stdin = command === "VERSION" ? readStdinAtHand() : readStdin();
    commands[command]({ environment, variables: port.environment, stdin, print, warn });
    return 0;
  } catch (error) {
    const text = formatError(explain(error), stdin ?? configurationAtHand());
    try {
      print(text);
    } catch {
      // Nobody reads standard output, or there is no room: the logs may still tell.
      tell(text);
    }
    return 1;
  }
}

/** For an error's version alone. */
function configurationAtHand(): string {
  try {
    return readStdinAtHand();
  } catch {
    return "";
  }
}

/** Where even the answer could not be made: the runtime still gets an error object (SPEC.md, section 5). */
const lastWords = {
  cniVersion: newestVersion,
  code: ErrorCode.internal,
  msg: "the plugin could not even report its failure: standard error has the place",
};

port.start(main, encode(`${JSON.stringify(lastWords)}\n`));
