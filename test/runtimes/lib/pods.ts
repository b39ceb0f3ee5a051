/**
 * A small crictl: pods of one container on a runtime that speaks the CRI. Runs in the test machine, beside the runtime.
 *
 *   pods.ts SOCKET run NAME...       makes pods, all at once; prints them as JSON
 *   pods.ts SOCKET sandbox NAME...   the same, without a container in them
 *   pods.ts SOCKET exec NAME COMMAND [ARGUMENT...]
 *   pods.ts SOCKET remove NAME...    stops and removes pods, all at once
 *   pods.ts SOCKET stop NAME...
 *   pods.ts SOCKET list              names of the pods that are there
 *   pods.ts SOCKET status            the runtime's version and conditions
 *
 * What fails is told by name on stderr, and the exit code is 1; the others go on.
 */
import { type Cri, connectCri } from "./cri.ts";

const [socket, verb, ...words] = process.argv.slice(2) as [string, string, ...string[]];

/** What a pod came to: an address of each family. */
interface Pod {
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

async function exec(cri: Cri, name: string, cmd: string[]): Promise<void> {
  const sandbox = await sandboxOf(cri, name);
  const { containers } = await cri.call("ListContainers", {});
  const container = containers.find(({ pod_sandbox_id }) => pod_sandbox_id === sandbox);
  const request = { container_id: container?.id ?? "", cmd, timeout: 20 };
  const { stdout, stderr, exit_code } = await cri.call("ExecSync", request);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = exit_code;
}

/** Does something for every pod at once. @returns what went well */
async function all<T>(names: readonly string[], work: (name: string) => Promise<T>): Promise<T[]> {
  const done = await Promise.allSettled(names.map(work));
  return done.flatMap((one, index) => {
    if (one.status === "fulfilled") return [one.value];
    process.stderr.write(`${names[index]}: ${one.reason.message}\n`);
    process.exitCode = 1;
    return [];
  });
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const verbs: Record<string, (cri: Cri) => Promise<void>> = {
  run: async (cri) => print(await all(words, (name) => run(cri, name, true))),
  sandbox: async (cri) => print(await all(words, (name) => run(cri, name, false))),
  exec: (cri) => exec(cri, words[0] as string, words.slice(1)),
  async stop(cri) {
    await all(words, (name) => stop(cri, name));
  },
  async remove(cri) {
    await all(words, async (name) => cri.call("RemovePodSandbox", await stop(cri, name)));
  },
  async list(cri) {
    const { items } = await cri.call("ListPodSandbox", {});
    print(items.map(({ metadata }) => metadata?.name));
  },
  async status(cri) {
    const version = await cri.call("Version", {});
    const { status } = await cri.call("Status", {});
    print({ ...version, conditions: status.conditions });
  },
};

const cri = connectCri(socket);
try {
  await verbs[verb]?.(cri);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  cri.close();
}
