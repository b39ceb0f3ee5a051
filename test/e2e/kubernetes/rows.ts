/** What came of the checks, and the table of it. */
export interface Row {
  readonly scenario: string;
  readonly check: string;
  readonly result: "ok" | "FAILED" | "not run";
  readonly seconds: number;
  /** What was seen, or why it failed. */
  readonly detail: string;
}

/** In Markdown, without the name of the scenario. */
export function table(rows: readonly Row[]): string {
  return ["| check | result | s | seen |", "|---|---|---|---|", ...rows.map(lineOf)].join("\n");
}

/** How many of each result. */
export function count(rows: readonly Row[]): string {
  const of = (result: Row["result"]) => rows.filter((row) => row.result === result).length;
  return `${of("ok")} ok, ${of("FAILED")} failed, ${of("not run")} not run`;
}

function lineOf({ check, result, seconds, detail }: Row): string {
  const cells = [check, result, seconds.toFixed(1), detail.split("\n")[0]?.slice(0, 200) ?? ""];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
