/** Kubernetes' own suite, case by case: what it says of networks and demands of every cluster. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../../../../build/paths.ts";
import { spawnBound } from "../../../machine/bound-process.ts";
import type { Cluster } from "../cluster.ts";
import { clusterDns } from "../cluster-dns.ts";
import type { Scenario } from "../scenario.ts";
import { conformanceImages } from "./images.ts";

/** What each case said, a file each. */
export const logs = at("dist/kubernetes-conformance");

/** Makes so many Services at once that others would wait for theirs: it is run alone. */
const alone = /Service endpoints latency/;

export const conformanceScenario: Scenario = {
  name: "conformance",
  async run(cluster, check) {
    const { api, nodes, programs, settings } = cluster;
    const { processes, focus } = settings;
    const archive = await conformanceImages(programs.kubernetes);
    for (const { host } of nodes) {
      const ctr = join(programs.containerd, "ctr");
      await host.ok(`${ctr} --namespace k8s.io images import --local ${archive}`, { timeoutMs: 900_000 });
    }
    await clusterDns(api, nodes.length);
    mkdirSync(logs, { recursive: true });
    const cases = list(programs.kubernetes).filter((name) => name.includes(focus));
    const together = cases.filter((name) => !alone.test(name));
    const others = cases.filter((name) => alone.test(name));
    const next = async (queue: string[]): Promise<void> => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        const title = name;
        await check(title, () => runCase(cluster, title));
      }
    };
    await Promise.all(Array.from({ length: processes }, () => next(together)));
    await next(others);
  },
};

/** The names of the cases. */
function list(kubernetes: string): string[] {
  const text = execFileSync(join(kubernetes, "e2e.test"), ["--list-tests"], { encoding: "utf8", maxBuffer: 2 ** 26 });
  const names = text.split("\n").map((line) => line.replace(/^\s*\S+:\d+: /, "").trim());
  return names.filter((name) => name.startsWith("[sig-network]") && name.includes("[Conformance]"));
}

async function runCase(
  { controlPlane, nodes, programs, settings }: Cluster,
  name: string,
): Promise<string | undefined> {
  const log = join(logs, `${name.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 150)}.log`);
  const output = openSync(log, "w");
  const { minutes } = settings;
  const child = spawnBound(
    [
      join(programs.kubernetes, "e2e.test"),
      `--kubeconfig=${controlPlane.kubeconfig}`,
      "--provider=skeleton",
      `--num-nodes=${nodes.length}`,
      "--allowed-not-ready-nodes=-1",
      "--dump-logs-on-failure=false",
      `--node-schedulable-timeout=${minutes}m`,
      `--system-pods-startup-timeout=${minutes}m`,
      `--ginkgo.timeout=${minutes}m`,
      "--ginkgo.no-color",
      `--ginkgo.focus=${name.replaceAll(/[[\]().*+?^$|\\]/g, "\\$&")}$`,
    ],
    { stdio: ["ignore", output, output] },
  );
  closeSync(output);
  const code = await new Promise((resolve) => child.on("exit", resolve));
  const text = readFileSync(log, "utf8");
  if (!/Ran 1 of \d+ Specs/.test(text)) throw new Error(`not run: ${lastLine(text)}`);
  if (code !== 0) throw new Error(failureIn(text));
  return undefined;
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

/** Ginkgo's first words for why a case failed. */
function failureIn(text: string): string {
  const found = /^\s*\[(?:FAILED|TIMEDOUT|PANICKED)\] (.*(?:\n.*)?)/m.exec(text);
  return found?.[1]?.replaceAll(/\s+/g, " ").trim() ?? lastLine(text);
}
