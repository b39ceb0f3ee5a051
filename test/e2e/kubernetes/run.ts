/** Runs the scenarios on one cluster, stage by stage, and tells what came of each check. */
import { type Cluster, type ClusterOptions, inNetwork, startCluster, started } from "./cluster.ts";
import { tellLogs } from "./logs.ts";
import { type Choice, type Stage, stages, titleOf } from "./plan.ts";
import { conformancePage, publish, scenarioPage } from "./publish.ts";
import { count, type Row, table } from "./rows.ts";
import type { Scenario } from "./scenario.ts";

export interface RunOptions extends Omit<ClusterOptions, "network" | "proxyMode"> {
  readonly choice: Choice;
  /** The cluster stays up behind the scenarios, until the program is ended. */
  readonly keep: boolean;
  /** Writes what each scenario has shown into the documentation. */
  readonly publish: boolean;
}

/** @returns the exit code */
export async function runScenarios(options: RunOptions): Promise<number> {
  const { say, choice } = options;
  const chosen = stages(choice);
  const [first] = chosen;
  if (first === undefined) throw new Error("no stage is chosen");
  const begun = Date.now();
  const ends = started();
  const rows: Row[] = [];
  // Ended by hand, it still takes down all that it has started.
  const interrupted = new Promise<"interrupted">((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => resolve("interrupted"));
  });
  const isPart = options.settings.focus !== "";
  const page = choice.suite === "conformance" ? conformancePage : scenarioPage;
  const work = (async () => {
    let cluster = await startCluster({ ...options, network: first.network, proxyMode: first.proxyMode }, ends);
    for (const stage of chosen) {
      const tell = async (scenario: readonly Row[]): Promise<void> => {
        rows.push(...scenario);
        process.stdout.write(`\n${titleOf(stage)}: ${scenario[0]?.scenario}\n\n${table(scenario)}\n`);
        if (options.publish) await publish(page, cluster, titleOf(stage), scenario, isPart);
      };
      cluster = await runStage(stage, cluster, tell, say).catch(async (error) => {
        await tellLogs(cluster);
        throw error;
      });
    }
    if (rows.some(({ result }) => result !== "ok")) await tellLogs(cluster);
    process.stdout.write(`\n${count(rows)}\n`);
    if (options.keep) {
      const { kubeconfig } = cluster.controlPlane;
      say(
        `the cluster stays until Ctrl-C: nsenter --net=/proc/${process.pid}/ns/net kubectl --kubeconfig ${kubeconfig}`,
      );
      await interrupted;
    }
    return "done" as const;
  })();
  try {
    if ((await Promise.race([work, interrupted])) === "interrupted") return options.keep ? codeOf(rows) : 130;
    return codeOf(rows);
  } finally {
    await ends.end();
    say(`${((Date.now() - begun) / 60_000).toFixed(1)} minutes in all`);
  }
}

const codeOf = (rows: readonly Row[]): number =>
  rows.length > 0 && rows.every(({ result }) => result === "ok") ? 0 : 1;

/**
 * @param tell gets what each scenario has shown, as soon as it is over
 * @returns the cluster as it is then
 */
async function runStage(
  stage: Stage,
  before: Cluster,
  tell: (rows: readonly Row[]) => Promise<void>,
  say: (line: string) => void,
): Promise<Cluster> {
  say(`network: ${titleOf(stage)}`);
  const begun = Date.now();
  const ends = started();
  try {
    const cluster = await inNetwork(before, stage, ends);
    say(`ready after ${seconds(begun)} s`);
    for (const scenario of stage.scenarios) await tell(await runScenario(scenario, cluster, say));
    return cluster;
  } finally {
    await ends.end();
    say(`${seconds(begun)} s in this network`);
  }
}

const seconds = (begun: number): string => ((Date.now() - begun) / 1000).toFixed(0);

async function runScenario({ name, run }: Scenario, cluster: Cluster, say: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  const begun = Date.now();
  const add = (check: string, result: Row["result"], seconds: number, detail: string): void => {
    rows.push({ scenario: name, check, result, seconds, detail });
    say(`  ${result}: ${check} (${seconds.toFixed(1)} s)${detail === "" ? "" : `: ${detail}`}`);
  };
  say(`scenario: ${name}`);
  const check = async (title: string, work: () => Promise<string | undefined>): Promise<void> => {
    const begun = Date.now();
    const taken = () => (Date.now() - begun) / 1000;
    try {
      const detail = (await work()) ?? "";
      add(title, "ok", taken(), detail);
    } catch (error) {
      add(title, "FAILED", taken(), messageOf(error));
    }
  };
  try {
    await run(cluster, check);
  } catch (error) {
    // Its set-up failed, so that what comes behind it was not looked at.
    add("the rest of it", "not run", 0, messageOf(error));
  }
  say(`  ${seconds(begun)} s for ${name}`);
  return rows;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
