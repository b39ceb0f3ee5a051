import type { Answer, NodeRequest } from "../../cluster/protocol.ts";
import { tryJson } from "../../cni/json.ts";
import { isAgents } from "../../config/cluster.ts";
import { ErrorCode, PluginError } from "../../errors.ts";
import { Errno, errnoName, SystemError } from "../../system/errno.ts";
import { askLocalSocket } from "../../system/local-socket.ts";
import { ownFolder } from "../../system/own-file.ts";
import { findProgram, runInstalled } from "../../system/programs.ts";
import { tell } from "../../system/standard-error.ts";
import { timeLeft } from "../../system/time-budget.ts";

/** Milliseconds that the store has for an answer: an election of etcd's takes a second or two. */
export const STORE_MS = 5000;
/** For the agent beside that, which may have others to answer. */
const AGENT_MS = 1000;
/** For the program to start and to end beside that. */
const START_MS = 5000;
const name = "ipvlan-node";

/** Where the agent of a Kubernetes listens: the program ipvlan-node, too, in a pod of the node. */
const AGENT = "/run/ipvlan-cni/node.sock";

/**
 * Asks the store, by the program that speaks HTTP and TLS: by the agent where the store is its Kubernetes, else by one that is started
 * for it.
 * @param folders where plugins are; before them it is looked for beside this one
 * @throws PluginError where the program cannot be run; what the store or the way to it lacks is in the answer
 */
export function askStore<Reply extends object>(folders: readonly string[], request: NodeRequest): Answer<Reply> {
  if (isAgents(request.store)) return askAgent(request);
  const places = [ownFolder() ?? [], folders].flat();
  const file = findProgram(places, name);
  if (file === undefined) {
    const where = places.length === 0 ? "and CNI_PATH is not set" : `looked for in ${places.join(", ")}`;
    throw failed(`is missing, ${where}: install it beside ipvlan`, places.join(":"));
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

function askAgent<Reply extends object>(request: NodeRequest): Answer<Reply> {
  const timeoutMs = Math.min(request.timeoutMs + AGENT_MS, timeLeft());
  let text: string;
  try {
    text = askLocalSocket(AGENT, JSON.stringify(request), timeoutMs);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const nobody: readonly number[] = [Errno.ENOENT, Errno.ECONNREFUSED];
    const why = nobody.includes(error.errno) ? "is not running on this node" : errnoName(error.errno);
    return { failure: "unreachable", message: `the agent (the DaemonSet ipvlan-cni; ${AGENT}): ${why}` };
  }
  const answer = tryJson(text);
  if (typeof answer === "object" && answer !== null) return answer as Answer<Reply>;
  return { failure: "unreachable", message: `the agent (${AGENT}) ended in the middle of its answer` };
}

function failed(message: string, details: string): PluginError {
  return new PluginError(ErrorCode.delegate, `the program ${name} ${message}`, details);
}
