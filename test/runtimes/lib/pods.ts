/**
 * A small crictl: pods of one container on a runtime that speaks the CRI. Runs in the test machine beside the runtime,
 * once for all its commands, since the start of Node takes seconds there.
 *
 *     node pods.ts SOCKET < COMMANDS > ANSWERS
 *
 * A command is a line of JSON, its answer another:
 *
 *     ["run", NAME...]       makes pods, all at once: what they came to
 *     ["sandbox", NAME...]   the same, without a container in them
 *     ["exec", NAME, COMMAND, ARGUMENT...]
 *                            what the command printed, and its exit code
 *     ["stop", NAME...]      stops pods, all at once
 *     ["remove", NAME...]    stops and removes pods, all at once
 *     ["list"]               the names of the pods that are there
 *     ["id", NAME]           the name of its sandbox
 *     ["status"]             the runtime's version and conditions
 */
import { createInterface } from "node:readline";
import { type Cri, connectCri } from "./cri.ts";

/** The answer to a command. */
export interface Answer {
  value?: unknown;
  /** What went wrong: for pods made or removed together, that of each. */
  errors?: string[];
}

/** What a pod came to: an address of each family. */
export interface Pod {
  name: string;
  /** The sandbox, which is the plugin's CNI_CONTAINERID. */
  id: string;
  ips: string[];
}

const configOf = (name: string) => ({
  metadata: { name, uid: `uid-${name}`, namespace: "default", attempt: 0 },
  hostname: name,
  log_directory: `/tmp/pods/${name}`,
  linux: { security_context: { namespace_options: { pid: 1 } } },
});

async function run(cri: Cri, name: string, withContainer: boolean): Promise<Pod> {
  const config = configOf(name);
  const { pod_sandbox_id: id } = await cri.call("RunPodSandbox", { config });
  if (withContainer) {
    const container = {
      metadata: { name: "main", attempt: 0 },
      image: { image: "localhost/busybox:1" },
      command: ["/bin/sleep", "1000000"],
      log_path: "main.log",
    };
    const request = { pod_sandbox_id: id, config: container, sandbox_config: config };
    await cri.call("StartContainer", await cri.call("CreateContainer", request));
  }
  const { status } = await cri.call("PodSandboxStatus", { pod_sandbox_id: id });
  const { ip, additional_ips = [] } = status.network ?? {};
  return { name, id, ips: [ip ?? "", ...additional_ips.map((other) => other.ip ?? "")] };
}

async function sandboxOf(cri: Cri, name: string): Promise<string> {
  const { items } = await cri.call("ListPodSandbox", {});
  const found = items.find(({ metadata }) => metadata?.name === name);
  if (found?.id === undefined) throw new Error("there is no such pod");
  return found.id;
}

async function stop(cri: Cri, name: string): Promise<{ pod_sandbox_id: string }> {
  const sandbox = { pod_sandbox_id: await sandboxOf(cri, name) };
  await cri.call("StopPodSandbox", sandbox);
  return sandbox;
}

/** What a command in a pod came to. */
export interface Executed {
  stdout: string;
  stderr: string;
  exit_code: number;
}

async function exec(cri: Cri, name: string, cmd: string[]): Promise<Executed> {
  const sandbox = await sandboxOf(cri, name);
  const { containers } = await cri.call("ListContainers", {});
  const container = containers.find(({ pod_sandbox_id }) => pod_sandbox_id === sandbox);
  return cri.call("ExecSync", { container_id: container?.id ?? "", cmd, timeout: 20 });
}

/** Does something for every pod at once. */
async function all(names: readonly string[], work: (name: string) => Promise<unknown>): Promise<Answer> {
  const done = await Promise.allSettled(names.map(work));
  return {
    value: done.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])),
    errors: done.flatMap((one, index) => (one.status === "rejected" ? [`${names[index]}: ${one.reason.message}`] : [])),
  };
}

async function answer(cri: Cri, [verb, ...words]: readonly string[]): Promise<Answer> {
  switch (verb) {
    case "run":
      return all(words, (name) => run(cri, name, true));
    case "sandbox":
      return all(words, (name) => run(cri, name, false));
    case "exec":
      return { value: await exec(cri, words[0] as string, words.slice(1)) };
    case "stop":
      return all(words, (name) => stop(cri, name));
    case "remove":
      return all(words, async (name) => cri.call("RemovePodSandbox", await stop(cri, name)));
    case "list": {
      const { items } = await cri.call("ListPodSandbox", {});
      return { value: items.map(({ metadata }) => metadata?.name) };
    }
    case "id":
      return { value: await sandboxOf(cri, words[0] as string) };
    case "status": {
      const { status } = await cri.call("Status", {});
      return { value: { ...(await cri.call("Version", {})), conditions: status.conditions } };
    }
    default:
      throw new Error(`unknown command ${verb}`);
  }
}

const socket = process.argv[2] as string;
for await (const line of createInterface({ input: process.stdin })) {
  // For each command anew: the runtime may have been restarted.
  const cri = connectCri(socket);
  const answered = await answer(cri, JSON.parse(line)).catch((error: Error) => ({ errors: [error.message] }));
  cri.close();
  process.stdout.write(`${JSON.stringify(answered)}\n`);
}
