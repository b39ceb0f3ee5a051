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
export function count(rows: readonly Pick<Row, "result">[]): string {
  const of = (result: Row["result"]) => rows.filter((row) => row.result === result).length;
  return `${of("ok")} ok, ${of("FAILED")} failed, ${of("not run")} not run`;
}

/** The results in a text that {@link table} has made. */
export function resultsIn(text: string): Pick<Row, "result">[] {
  return [...text.matchAll(/^\|.*? \| (ok|FAILED|not run) \|/gm)].map(([, result]) => ({
    result: result as Row["result"],
  }));
}

/** Such a text with rows in the place of earlier ones of the same checks, and behind these where there are none. */
export function replaceRows(text: string, rows: readonly Row[]): string {
  const lines = text.split("\n");
  for (const line of rows.map(lineOf)) {
    const [check] = line.split(/ \| (?:ok|FAILED|not run) \| /);
    const at = lines.findIndex((other) => other.startsWith(`${check} | `));
    lines.splice(at === -1 ? lines.length : at, at === -1 ? 0 : 1, line);
  }
  return lines.join("\n");
}

function lineOf({ check, result, seconds, detail }: Row): string {
  const cells = [check, result, seconds.toFixed(1), detail.split("\n")[0]?.slice(0, 250) ?? ""];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
