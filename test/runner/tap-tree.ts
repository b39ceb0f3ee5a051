import { Parser, type Result } from "tap-parser";

/** One line `ok` or `not ok` of TAP, with what came before it if it ends a test. */
export interface Point {
  name: string;
  ok: boolean;
  /** Why it was left out, empty if that was not said; undefined when it was not left out. */
  skipped: string | undefined;
  /** tap's own: the difference, the place, the stack. */
  diagnostics: unknown;
  /** The points of a test (`t.test`); undefined for an assertion. */
  body: Point[] | undefined;
}

export interface TapReader {
  points: Point[];
  write(text: string): void;
  /** After the last text; returns what is wrong with the TAP itself, such as a plan that was not kept. */
  end(): string[];
}

/** Reads a test file's output while it comes; `otherLine` gets what in it is no TAP. */
export function readTap(otherLine: (line: string) => void): TapReader {
  const problems: string[] = [];
  const parser = new Parser();
  const points: Point[] = [];
  const closeLevels = collect(parser, points);
  parser.on("extra", otherLine);
  parser.on("bailout", (reason: string) => problems.push(`bail out: ${reason}`));
  parser.on("complete", ({ failures, plan }) => {
    for (const failure of failures) if (failure.tapError) problems.push(failure.tapError);
    // tap itself writes such a plan for a file without tests.
    if (plan.skipAll && plan.skipReason !== "no tests found")
      points.push(pointOf({ name: "all of it", ok: true, skip: plan.skipReason || true }));
  });
  return {
    points,
    write: (text) => parser.write(text),
    end() {
      parser.end();
      closeLevels();
      return problems;
    },
  };
}

/** Fills `points` from one level of tests. The function returned notes a test whose end never came. */
function collect(parser: Parser, points: Point[]): () => void {
  // A test's own line follows its body.
  let open: { name: string; body: Point[]; close: () => void } | undefined;
  parser.on("child", (child: Parser) => {
    const body: Point[] = [];
    open = { name: child.name, body, close: collect(child, body) };
  });
  parser.on("assert", (result: Result) => {
    points.push(pointOf(result, open?.body));
    open = undefined;
  });
  return () => {
    open?.close();
    if (open) points.push({ ...pointOf({ ok: false, name: open.name }, open.body), diagnostics: "did not end" });
  };
}

type Line = Pick<Result, "name" | "ok"> & Partial<Pick<Result, "skip" | "todo" | "diag">>;

function pointOf({ name, ok, skip, todo, diag }: Line, body?: Point[]): Point {
  const left = skip || todo || undefined;
  return { name, ok, skipped: left === true ? "" : left, diagnostics: diag, body };
}
