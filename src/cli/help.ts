import { nearest } from "../config/did-you-mean.ts";
import { UsageError } from "./arguments.ts";
import { FINE, type Run } from "./command.ts";
import { type CommandManual, commonExits, type FlagManual, helpFlag, manual } from "./manual.ts";
import type { Terminal } from "./terminal.ts";
import { wrap } from "./wrap.ts";

export const help: Run = ({ arguments: { words }, terminal }) => {
  const [name] = words;
  if (name === undefined) printOverview(terminal);
  else printManual(terminal, findCommand(name));
  return FINE;
};

/** @throws UsageError that says what was probably meant */
export function findCommand(name: string): CommandManual {
  const found = manual.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = manual.map((command) => command.name);
  const meant = nearest(name, names);
  const rest = meant === undefined ? `: there are ${names.join(", ")}` : `; did you mean ${meant}?`;
  throw new UsageError(`unknown command ${name}${rest}`);
}

export function printOverview(terminal: Terminal): void {
  terminal.print("ipvlan: CNI plugin for IPvlan networks, and its command line");
  terminal.print();
  terminal.print("A container runtime calls it with CNI_COMMAND in the environment. By hand:");
  terminal.print();
  for (const { name, summary } of manual) terminal.print(`  ${terminal.style("bold", name.padEnd(12))}${summary}`);
  terminal.print();
  terminal.print("ipvlan help COMMAND tells more of each.");
}

export function printManual(terminal: Terminal, command: CommandManual): void {
  const paragraph = (text: string, indent = ""): void => {
    for (const line of wrap(text, Math.min(terminal.width ?? 80, 100) - indent.length)) terminal.print(indent + line);
  };
  const heading = (text: string): void => {
    terminal.print();
    terminal.print(terminal.style("bold", text));
  };
  terminal.print(`${synopsisOf(command)}: ${command.summary}`);
  for (const text of command.description) {
    terminal.print();
    paragraph(text);
  }
  heading("Flags");
  for (const flag of [...command.flags, helpFlag]) {
    terminal.print(`  ${terminal.style("bold", shownFlag(flag))}`);
    paragraph(flag.meaning, "      ");
  }
  heading("Examples");
  for (const { command: line, meaning } of command.examples) {
    terminal.print(`  ${terminal.style("cyan", line)}`);
    paragraph(meaning, "      ");
  }
  if (command.json !== undefined) {
    heading("JSON");
    for (const line of command.json) paragraph(line, "  ");
  }
  heading("Exit codes");
  for (const line of command.exits ?? commonExits) paragraph(line, "  ");
}

export const synopsisOf = ({ name, words }: CommandManual): string =>
  `ipvlan ${name} [FLAG...]${words === "" ? "" : ` ${words}`}`;

export const shownFlag = ({ name, short, value }: FlagManual): string =>
  `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
