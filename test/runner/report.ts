import { inspect } from "node:util";
import type { Failure, Tally } from "./tally.ts";

const bold = (text: string): string => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);

export const heading = (text: string): void => console.log(`\n${bold(text)}`);

/** One line a file or check, and everything about it if it failed. */
export function reportOutcome(name: string, tally: Tally, seconds: number, output: string): void {
  const mark = tally.failures.length > 0 ? "FAIL" : "ok  ";
  console.log(`${mark} ${name.padEnd(40)} ${counts(tally).padEnd(24)} ${seconds.toFixed(1).padStart(6)} s`);
  if (tally.failures.length === 0) return;
  for (const failure of tally.failures) console.log(indent(describe(failure)));
  if (output.trim() !== "") console.log(indent(`Output:\n${indent(output.trimEnd())}`));
}

export function reportSkips(tally: Tally): void {
  if (tally.skips.length === 0) return;
  heading("Skipped");
  for (const { test, reason } of tally.skips) console.log(reason ? `${test}: ${reason}` : test);
}

/** The plain form is the last line of a run. */
export const summary = ({ passed, failures, skips }: Tally): string =>
  `${passed} passed, ${failures.length} failed, ${skips.length} skipped`;

function counts({ passed, failures, skips }: Tally): string {
  const words = [`${passed} passed`];
  if (failures.length > 0) words.push(`${failures.length} failed`);
  if (skips.length > 0) words.push(`${skips.length} skipped`);
  return words.join(", ");
}

function describe({ test, diagnostics }: Failure): string {
  const parts = Array.isArray(diagnostics) ? diagnostics : [diagnostics];
  return [test, ...parts.map((part) => indent(text(part)))].join("\n");
}

/** What tap tells twice: the place is in the stack, too. */
const passedOver = ["at", "compare", "tapCaught", "test"];

function text(diagnostics: unknown): string {
  if (typeof diagnostics !== "object" || diagnostics === null) return String(diagnostics ?? "failed");
  return Object.entries(diagnostics)
    .filter(([key]) => !passedOver.includes(key))
    .map(([key, value]) => `${key}: ${typeof value === "string" ? block(value) : inspect(value, { depth: 6 })}`)
    .join("\n");
}

const block = (value: string): string => (value.includes("\n") ? `\n${indent(value.trimEnd())}` : value);

const indent = (lines: string): string => lines.replaceAll(/^/gm, "    ");
