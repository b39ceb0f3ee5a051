import type { Style, Terminal } from "./terminal.ts";

/** A cell: a text, or a text in a style. */
export type Cell = string | { readonly text: string; readonly style: Style };

const textOf = (cell: Cell): string => (typeof cell === "string" ? cell : cell.text);

/** Columns that are cut no further. */
const least = 8;

/**
 * Rows under a heading, two spaces between the columns. Where that is wider than the terminal, the widest columns are cut to fit; what
 * is no terminal gets all of it.
 */
export function printTable(terminal: Terminal, heading: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const widths = heading.map((title) => title.length);
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] as number, textOf(cell).length);
    });
  }
  if (terminal.width !== undefined) shrink(widths, terminal.width - 2 * (widths.length - 1));
  const line = (cells: readonly Cell[]): string =>
    cells
      .map((cell, i) => {
        const text = cut(textOf(cell), widths[i] as number);
        const shown = typeof cell === "string" ? text : terminal.style(cell.style, text);
        return i === cells.length - 1 ? shown : shown + " ".repeat((widths[i] as number) - text.length);
      })
      .join("  ")
      .trimEnd();
  terminal.print(terminal.style("bold", line(heading)));
  for (const row of rows) terminal.print(line(row));
}

function shrink(widths: number[], room: number): void {
  let excess = widths.reduce((sum, width) => sum + width, -room);
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] as number) <= least) return;
    widths[widest] = (widths[widest] as number) - 1;
    excess--;
  }
}

export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
