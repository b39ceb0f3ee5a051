/** What came of the checks, and the table of it. */
export interface Row {
  /** The network and kube-proxy. */
  readonly stage: string;
  readonly scenario: string;
  readonly check: string;
  readonly result: "ok" | "FAILED" | "not run";
  readonly seconds: number;
  /** What was seen, or why it failed. */
  readonly detail: string;
}

/** In Markdown: a table for each network. */
export function table(rows: readonly Row[]): string {
  const stages = [...new Set(rows.map(({ stage }) => stage))];
  const parts = stages.map((stage) => [
    `## ${stage}`,
    "",
    "| scenario | check | result | s | seen |",
    "|---|---|---|---|---|",
    ...rows.filter((row) => row.stage === stage).map(lineOf),
    "",
  ]);
  return ["", ...parts.flat(), count(rows), ""].join("\n");
}

/** How many of each result. */
export function count(rows: readonly Row[]): string {
  const of = (result: Row["result"]) => rows.filter((row) => row.result === result).length;
  return `${of("ok")} ok, ${of("FAILED")} failed, ${of("not run")} not run`;
}

function lineOf({ scenario, check, result, seconds, detail }: Row): string {
  const cells = [scenario, check, result, seconds.toFixed(1), detail.split("\n")[0]?.slice(0, 200) ?? ""];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
