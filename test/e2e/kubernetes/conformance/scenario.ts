/** Kubernetes' own suite, case by case: what it says of networks and demands of every cluster. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../../../../build/paths.ts";
import { spawnBound } from "../../../machine/bound-process.ts";
import { type Api, until } from "../api.ts";
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
    const checks: Promise<void>[] = [];
    let last: Promise<unknown> = Promise.resolve();
    const byItself = <T>(work: () => Promise<T>): Promise<T> => {
      const result = last.then(work);
      last = result.catch(() => {});
      return result;
    };
    const over = Promise.withResolvers<void>();
    const next = async (): Promise<void> => {
      for (let name = together.shift(); name !== undefined; name = together.shift()) {
        const title = name;
        const attempt = runCase(cluster, title);
        const again = async (why: Error): Promise<string> => {
          await over.promise;
          await byItself(async () => {
            await nothingEnding(api);
            await runCase(cluster, title);
          });
          return `the second time, by itself; the first time: ${why.message}`;
        };
        checks.push(check(title, () => attempt.catch(again)));
        await attempt.catch(() => {});
      }
    };
    // A slow machine fails cases whose time is not theirs to set, such as that in which pods have addresses: these are run again.
    await Promise.all(Array.from({ length: processes }, next));
    over.resolve();
    for (const name of cases.filter((name) => alone.test(name))) {
      checks.push(check(name, () => byItself(() => runCase(cluster, name))));
    }
    await Promise.all(checks);
  },
};

/** Waits for the end of what cases have left behind: ports of nodes, say, are theirs as long as their pods are there. */
async function nothingEnding(api: Api): Promise<void> {
  await until("no namespace is about to go", 300, async () => {
    const ending = (await api.list("/api/v1/namespaces")).filter(
      ({ metadata }) => metadata.deletionTimestamp !== undefined,
    );
    if (ending.length === 0) return true;
    throw new Error(ending.map(({ metadata }) => metadata.name).join(", "));
  });
}

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

/** Ginkgo's words for why a case failed, in its summary; where it was, without them. */
function failureIn(text: string): string {
  const found = [...text.matchAll(/^\s*\[(?:FAILED|TIMEDOUT|PANICKED)\] (.*)/gm)].map(([, words = ""]) => words.trim());
  return found.find((words) => !words.startsWith("in [")) ?? found[0] ?? lastLine(text);
}
