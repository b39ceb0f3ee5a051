import { formatAddress } from "../ip/address.ts";
import { allAttachments, knownNetworks } from "../link/records.ts";
import { UsageError } from "./arguments.ts";
import { thisHost } from "./attachments.ts";
import { FINE, type Run } from "./command.ts";
import { FILES, scripts } from "./completion-scripts.ts";
import { type Completes, helpFlag, manual } from "./manual.ts";
import { ownNetworks } from "./networks.ts";
import { dataDirOf, reservationsOf } from "./pools.ts";
import type { Terminal } from "./terminal.ts";

export const completion: Run = ({ arguments: { words }, terminal }) => {
  const script = scripts[words[0] ?? ""];
  if (script === undefined) throw new UsageError(`a shell is wanted: ${Object.keys(scripts).join(", ")}`);
  terminal.print(script);
  return FINE;
};

/** Prints what may come in the place of the last word, a line each. */
export function complete(words: readonly string[], terminal: Terminal): number {
  for (const answer of answersTo(words)) terminal.print(answer);
  return FINE;
}

function answersTo(words: readonly string[]): readonly string[] {
  const typed = words.at(-1) ?? "";
  if (words.length < 2) return manual.map(({ name }) => name).filter((name) => name.startsWith(typed));
  const command = manual.find(({ name }) => name === words[0]);
  if (command === undefined) return [];
  const flags = [...command.flags, helpFlag];
  const before = words.at(-2) ?? "";
  const flag = flags.find(({ name, short }) => before === `--${name}` || before === `-${short}`);
  if (flag?.value !== undefined) return offered(flag.completes).filter((answer) => matches(answer, typed));
  if (typed.startsWith("-")) return flags.map(({ name }) => `--${name}`).filter((name) => name.startsWith(typed));
  if (command.name === "help") return manual.map(({ name }) => name).filter((name) => name.startsWith(typed));
  return offered(command.completes).filter((answer) => matches(answer, typed));
}

const matches = (answer: string, typed: string): boolean => answer === FILES || answer.startsWith(typed);

function offered(what: Completes | undefined): readonly string[] {
  if (what === undefined) return [];
  if (typeof what !== "string") return what;
  switch (what) {
    case "file":
      return [FILES];
    case "network":
      return unique([...ownNetworks(undefined).map(({ config }) => config.name), ...knownNetworks()]);
    case "container":
      return unique(recorded().map(({ containerId }) => containerId));
    case "parent":
      return unique(recorded().map(({ parentName }) => parentName));
    case "address":
      return unique(
        ownNetworks(undefined).flatMap(({ config }) => {
          const dataDir = dataDirOf(config);
          return dataDir === undefined
            ? []
            : reservationsOf(dataDir, config.name).map(({ address }) => formatAddress(address));
        }),
      );
  }
}

const recorded = () => allAttachments(thisHost());

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();
