/** Runs the scenarios on one cluster, and tells what came of each check. */
import { type Cluster, type ClusterOptions, startCluster, started } from "./cluster.ts";
import type { Scenario } from "./scenario.ts";
import { nodesScenario } from "./scenarios/nodes.ts";
import { probesScenario } from "./scenarios/probes.ts";
import { reachScenario } from "./scenarios/reach.ts";
import { servicesScenario } from "./scenarios/services.ts";

export interface RunOptions extends ClusterOptions {
  /** A part of the names of the scenarios to run. */
  readonly only: string;
  readonly keep: boolean;
}

const scenarios: readonly Scenario[] = [nodesScenario, reachScenario, servicesScenario, probesScenario];

interface Row {
  readonly scenario: string;
  readonly check: string;
  readonly result: "ok" | "FAILED" | "not run";
  readonly seconds: number;
  readonly detail: string;
}

/** @returns the exit code */
export async function runScenarios(options: RunOptions): Promise<number> {
  const { say, only } = options;
  const chosen = scenarios.filter(({ name }) => name.includes(only));
  const begun = Date.now();
  const ends = started();
  const rows: Row[] = [];
  // Ended by hand, it still takes down all that it has started.
  const interrupted = new Promise<"interrupted">((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => resolve("interrupted"));
  });
  const work = (async () => {
    const cluster = await startCluster(options, ends);
    for (const scenario of chosen) rows.push(...(await runScenario(scenario, cluster, say)));
    if (rows.some(({ result }) => result !== "ok")) await tellLogs(cluster);
    process.stdout.write(table(rows));
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

async function runScenario({ name, run }: Scenario, cluster: Cluster, say: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  say(`scenario: ${name}`);
  const check = async (title: string, work: () => Promise<string | undefined>): Promise<void> => {
    const started = Date.now();
    const row = (result: Row["result"], detail: string) => {
      const seconds = (Date.now() - started) / 1000;
      rows.push({ scenario: name, check: title, result, seconds, detail });
      say(`  ${result}: ${title} (${seconds.toFixed(1)} s)${detail === "" ? "" : `: ${detail}`}`);
    };
    try {
      row("ok", (await work()) ?? "");
    } catch (error) {
      row("FAILED", error instanceof Error ? error.message : String(error));
    }
  };
  try {
    await run(cluster, check);
  } catch (error) {
    // Its set-up failed, so that what comes behind it was not looked at.
    const detail = error instanceof Error ? error.message : String(error);
    rows.push({ scenario: name, check: "the rest of it", result: "not run", seconds: 0, detail });
    say(`  not run: the rest of it: ${detail}`);
  }
  return rows;
}

function table(rows: readonly Row[]): string {
  const cells = rows.map(({ scenario, check, result, seconds, detail }) => [
    scenario,
    check,
    result,
    seconds.toFixed(1),
    detail.split("\n")[0]?.slice(0, 160) ?? "",
  ]);
  const count = (result: Row["result"]) => rows.filter((row) => row.result === result).length;
  return [
    "",
    "| scenario | check | result | s | seen |",
    "|---|---|---|---|---|",
    ...cells.map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`),
    "",
    `${count("ok")} ok, ${count("FAILED")} failed, ${count("not run")} not run`,
    "",
  ].join("\n");
}

/** What a person would ask for first: the pods and their events, and each node's logs. */
async function tellLogs({ api, nodes }: Cluster): Promise<void> {
  const tell = (text: string) => process.stderr.write(`${text}\n`);
  for (const { metadata, spec, status } of await api.list("/api/v1/pods")) {
    const restarts = status.containerStatuses?.map((one: { restartCount: number }) => one.restartCount).join(" ");
    tell(
      `pod ${metadata.name} on ${spec.nodeName}: ${status.phase} ${status.podIP ?? ""}, restarts ${restarts ?? "?"}`,
    );
  }
  for (const { involvedObject, reason, message, count, type } of await api.list("/api/v1/events")) {
    if (type !== "Normal") tell(`event ${involvedObject.name}: ${reason} (${count ?? 1}): ${message}`);
  }
  for (const node of nodes) tell(`\n=== ${node.name}\n${await node.logs().catch(String)}`);
}
