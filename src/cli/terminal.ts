import { port } from "#system";
import { writeAll } from "../system/files.ts";
import { decode, encode } from "../system/text.ts";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** Select Graphic Rendition (ECMA-48, 8.3.117): what a text can be shown as. */
const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof styles;

/** Where results and messages go. Results are written at once, when the command is over. */
export interface Terminal {
  /** Characters of a line; undefined where standard output is no terminal. */
  readonly width: number | undefined;
  /** The text in a style, where standard output is a terminal and nobody has asked for none (no-color.org). */
  style(style: Style, text: string): string;
  /** A line of the result, for standard output. */
  print(line?: string): void;
  printJson(value: unknown): void;
  /** A line for standard error, at once. */
  warn(message: string): void;
  /** Asks for y or n. @returns undefined where there is nobody to ask: no terminal */
  ask(question: string): boolean | undefined;
  /** Writes the result. @throws SystemError where it cannot be written */
  flush(): void;
}

export function openTerminal(environment: Readonly<Record<string, string | undefined>>): Terminal {
  const width = widthOf(STDOUT);
  const isPlain = width === undefined || Boolean(environment.NO_COLOR) || environment.TERM === "dumb";
  const lines: string[] = [];
  return {
    width,
    style: (style, text) => (isPlain || text === "" ? text : `\u001b[${styles[style]}m${text}\u001b[0m`),
    print: (line = "") => void lines.push(line),
    printJson: (value) => void lines.push(JSON.stringify(value, undefined, 2)),
    warn: (message) => writeAll(STDERR, encode(`${message}\n`), "standard error"),
    ask(question) {
      if (width === undefined || widthOf(STDIN) === undefined) return undefined;
      this.flush();
      writeAll(STDERR, encode(`${question} [y/N] `), "standard error");
      const answer = new Uint8Array(100);
      const length = port.read(STDIN, answer, answer.length);
      return length > 0 && /^y(es)?\s*$/i.test(decode(answer.subarray(0, length)));
    },
    flush() {
      if (lines.length > 0) writeAll(STDOUT, encode(`${lines.join("\n")}\n`), "standard output");
      lines.length = 0;
    },
  };
}

/** undefined where it is no terminal. One that does not tell its size has 80 columns. */
function widthOf(fd: number): number | undefined {
  const size = new Uint8Array(8);
  if (port.terminalSize(fd, size) < 0) return undefined;
  const columns = (size[2] as number) | ((size[3] as number) << 8);
  return columns === 0 ? 80 : columns;
}
