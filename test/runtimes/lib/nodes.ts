import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Test } from "tap";
import { type Lab, pluginPath, quote } from "../../kernel/lib/lab.ts";
import { openLab } from "../../kernel/lib/open-lab.ts";
import type { Answer, Executed, Pod } from "./pods.ts";

const words = readFileSync(new URL("node.sh", import.meta.url), "utf8");
const podsProgram = new URL("pods.ts", import.meta.url).pathname;

export type { Pod } from "./pods.ts";

/** The machine with nodes that runtimes run on, see node.sh. */
export interface Nodes {
  readonly lab: Lab;
  /** Runs a script that may use the words of node.sh as well; fails unless it ends with 0. @returns its output */
  sh(script: string): Promise<string>;
  /** Puts the executable under test and the reference's plugins into a node's /opt/cni/bin. */
  install(node: string): Promise<void>;
  /** Writes /etc/cni/net.d/FILE on a node. */
  configure(node: string, file: string, network: object): Promise<void>;
  /** Remembers what is on the nodes, for {@link nothingLeft}. */
  remember(): Promise<void>;
  /** Fails unless there is on the nodes what there was: no link, namespace, reservation or record more. */
  nothingLeft(test: Test): Promise<void>;
}

/** Opens the test machine with nodes in it, and closes it when the tests of this file are over. */
export async function openNodes(...names: readonly string[]): Promise<Nodes> {
  const lab = await openLab(["runtimes"]);
  const sh = async (script: string) => {
    const { code, stdout, stderr } = await lab.sh(`${words}\n${script}`, { timeoutMs: 240_000 });
    // Without the words, which would hide what failed.
    if (code !== 0) throw new Error(`exit code ${code} of ${script}\n${stdout}${stderr}`);
    return stdout;
  };
  const look = () => sh(names.map((name) => `echo "on ${name}"; remains ${name}`).join("\n"));
  await sh(`nodes ${names.join(" ")}
image /tmp/lab/busybox.tar localhost/busybox:1 sleep 1000000
image /tmp/lab/pause.tar localhost/pause:1 sleep 1000000`);
  let before = "";
  return {
    lab,
    sh,
    async install(node) {
      await sh(
        `on ${node} sh -c 'ln -s /usr/lib/cni/* /opt/cni/bin; ln -sf "$1" /opt/cni/bin/ipvlan' sh ${quote(pluginPath)}`,
      );
    },
    async configure(node, file, network) {
      const text = JSON.stringify(network, undefined, 2);
      await sh(`on ${node} sh -c 'cat > /etc/cni/net.d/${file}' <<'END'\n${text}\nEND`);
    },
    async remember() {
      before = await look();
    },
    async nothingLeft(test) {
      test.equal(await look(), before, "nothing is left on the nodes");
    },
  };
}

/** The CRI of a node's containerd, as the kubelet uses it. */
export interface Pods {
  /** Makes pods of one container that sleeps, all at once; fails unless each is made. */
  run(...names: string[]): Promise<Pod[]>;
  /** The same, without a container in them. */
  sandbox(...names: string[]): Promise<Pod[]>;
  /** The runtime's words for a pod that it cannot make. */
  refused(name: string): Promise<string>;
  /** Runs a command in a pod; fails unless it ends with 0. @returns its output */
  exec(pod: string, ...command: string[]): Promise<string>;
  /** Stops and removes pods, all at once; fails unless each is gone. */
  remove(...names: string[]): Promise<void>;
  list(): Promise<string[]>;
  /** The name of a pod's sandbox, which is the plugin's CNI_CONTAINERID. */
  sandboxOf(name: string): Promise<string>;
  status(): Promise<unknown>;
}

export async function openPods(nodes: Nodes, node: string): Promise<Pods> {
  await nodes.sh(`start_pods ${node} ${quote(process.execPath)} ${quote(podsProgram)}`);
  const ask = async (...command: string[]): Promise<Answer> => {
    for (let attempt = 1; ; attempt++) {
      const answer: Answer = JSON.parse(await nodes.sh(`pods ${node} ${quote(JSON.stringify(command))}`));
      // containerd that was started anew answers other questions before those of the CRI.
      if (attempt === 100 || !answer.errors?.some((error) => error.includes("not initialized yet"))) return answer;
      await sleep(200);
    }
  };
  const sure = async (...command: string[]) => {
    const { value, errors = [] } = await ask(...command);
    if (errors.length > 0) throw new Error(`${command.join(" ")}: ${errors.join("\n")}`);
    return value;
  };
  return {
    run: async (...names) => (await sure("run", ...names)) as Pod[],
    sandbox: async (...names) => (await sure("sandbox", ...names)) as Pod[],
    refused: async (name) => (await ask("sandbox", name)).errors?.join("\n") ?? "",
    async exec(pod, ...command) {
      const { stdout, stderr, exit_code } = (await sure("exec", pod, ...command)) as Executed;
      if (exit_code !== 0)
        throw new Error(`${command.join(" ")} in ${pod}: exit code ${exit_code}\n${stdout}${stderr}`);
      return stdout;
    },
    async remove(...names) {
      await sure("remove", ...names);
    },
    list: async () => (await sure("list")) as string[],
    sandboxOf: async (name) => (await sure("id", name)) as string,
    status: () => sure("status"),
  };
}
