import type { Answer, NodeRequest } from "../../cluster/protocol.ts";
import { tryJson } from "../../cni/json.ts";
import { ErrorCode, PluginError } from "../../errors.ts";
import { findProgram, runInstalled } from "../../system/programs.ts";
import { tell } from "../../system/standard-error.ts";
import { timeLeft } from "../../system/time-budget.ts";

/** Milliseconds that the store has for an answer: an election of etcd's takes a second or two. */
export const STORE_MS = 5000;
/** For the program to start and to end beside that. */
const START_MS = 5000;
const name = "ipvlan-node";

/**
 * Asks the store, by the program that speaks HTTP and TLS.
 * @param folders where plugins are
 * @throws PluginError where the program cannot be run; what the store or the way to it lacks is in the answer
 */
export function askStore<Reply extends object>(folders: readonly string[], request: NodeRequest): Answer<Reply> {
  const file = findProgram(folders, name);
  if (file === undefined) {
    const where = folders.length === 0 ? "and CNI_PATH is not set" : `looked for in ${folders.join(", ")}`;
    throw failed(`is missing, ${where}: install it beside ipvlan`, folders.join(":"));
  }
  const timeoutMs = Math.min(request.timeoutMs + START_MS, timeLeft());
  const stdin = JSON.stringify({
    ...request,
    timeoutMs: Math.max(1000, Math.min(request.timeoutMs, timeoutMs - 1000)),
  });
  const options = { environment: {}, stdin, timeoutMs };
  const { status, failure, stdout, stderr } = runInstalled(file, options);
  if (failure === "ETIMEDOUT") return { failure: "unreachable", message: `${name} did not end within ${timeoutMs} ms` };
  const answer = tryJson(stdout);
  if (status !== 0 || typeof answer !== "object" || answer === null) {
    tell(stderr);
    throw failed(`failed: ${failure ?? `exit status ${status}`}`, file);
  }
  return answer as Answer<Reply>;
}

function failed(message: string, details: string): PluginError {
  return new PluginError(ErrorCode.delegate, `the program ${name} ${message}`, details);
}
