import { nearest } from "../config/did-you-mean.ts";

/** A flag that a command knows. Without `value` it is a switch. */
export interface Flag {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What the value is, for the help: `NAME`. */
  readonly value?: string;
}

/** What the caller got wrong in the words; the answer is the message and a way to the help. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface Arguments {
  /** What is no flag, in its order. */
  readonly words: readonly string[];
  has(flag: string): boolean;
  /** The last one given. */
  value(flag: string): string | undefined;
  /** All that were given. */
  values(flag: string): readonly string[];
}

/**
 * Reads words by the rules of pflag, which Docker, Podman and kubectl use, so that one reader serves both for our own commands and for
 * theirs: `--name value`, `--name=value`, `--switch`, `--switch=false`, `-n value`, `-nvalue`, `-n=value`, `-abc` for three switches,
 * flags and words in any order, and no flags behind `--`.
 *
 * @throws UsageError for a flag that is unknown, lacks its value or has one that it does not take
 */
export function parseArguments(words: readonly string[], flags: readonly Flag[]): Arguments {
  const given = new Map<string, string[]>();
  const rest: string[] = [];
  const take = (flag: Flag, value: string): void => {
    const values = given.get(flag.name) ?? [];
    given.set(flag.name, values);
    values.push(value);
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--") {
      rest.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      rest.push(word);
      continue;
    }
    const next = (flag: Flag, shown: string): string => {
      const value = words[++at];
      if (value === undefined) throw new UsageError(`${shown} needs a value: ${shown} ${flag.value}`);
      return value;
    };
    if (word.startsWith("--")) readLong(word, flags, take, next);
    else readShort(word, flags, take, next);
  }
  const isOn = (value: string | undefined): boolean => value !== undefined && value !== "false";
  return {
    words: rest,
    has: (flag) => isOn(given.get(flag)?.at(-1)),
    value: (flag) => given.get(flag)?.at(-1),
    values: (flag) => given.get(flag) ?? [],
  };
}

type Take = (flag: Flag, value: string) => void;
type Next = (flag: Flag, shown: string) => string;

function readLong(word: string, flags: readonly Flag[], take: Take, next: Next): void {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const flag = flags.find((one) => one.name === name);
  if (flag === undefined) throw unknownFlag(`--${name}`, flags);
  if (flag.value === undefined) take(flag, equals < 0 ? "true" : readSwitch(word, word.slice(equals + 1)));
  else take(flag, equals < 0 ? next(flag, `--${name}`) : word.slice(equals + 1));
}

function readShort(word: string, flags: readonly Flag[], take: Take, next: Next): void {
  for (let at = 1; at < word.length; at++) {
    const shown = `-${word[at]}`;
    const flag = flags.find(({ short }) => short === word[at]);
    if (flag === undefined) throw unknownFlag(shown, flags, word);
    const behind = word.slice(at + 1);
    if (flag.value !== undefined) {
      take(flag, behind === "" ? next(flag, shown) : behind.replace(/^=/, ""));
      return;
    }
    if (behind.startsWith("=")) {
      take(flag, readSwitch(word, behind.slice(1)));
      return;
    }
    take(flag, "true");
  }
}

/** Go's strconv.ParseBool. */
function readSwitch(word: string, value: string): "true" | "false" {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return "true";
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return "false";
  throw new UsageError(`${word}: true or false is wanted`);
}

function unknownFlag(shown: string, flags: readonly Flag[], word = shown): UsageError {
  const meant =
    nearest(
      word.replace(/^-+/, ""),
      flags.map(({ name }) => name),
    ) ?? "";
  return new UsageError(`unknown flag ${shown}${meant === "" ? "" : `; did you mean --${meant}?`}`);
}
