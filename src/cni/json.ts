import { ErrorCode, PluginError } from "../errors.ts";
import { isExhausted } from "../system/limits.ts";

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Levels of brackets that are read: engines walk them by recursion, on a stack that the caller may have made small. */
const deepest = 1000;

/**
 * JSON whose nesting is bounded, so that whatever walks over the value has an end.
 * @throws PluginError 6 that says what is no JSON, and where
 */
export function parseJson(text: string, what: string): unknown {
  if (isTooDeep(text)) {
    throw new PluginError(ErrorCode.decodeFailure, `${what} is nested deeper than ${deepest} levels`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    if (isExhausted(error)) throw error;
    throw new PluginError(ErrorCode.decodeFailure, `${what} is no JSON: ${describeFault(text)}`);
  }
}

/** The same for text that may well be no JSON: undefined then. */
export function tryJson(text: string): unknown {
  if (isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What stands on standard input.
 * @throws PluginError 6 for text that is no JSON object, with the place of the fault
 */
export function decodeObject(text: string): JsonObject {
  if (text.trim() === "") {
    throw new PluginError(
      ErrorCode.decodeFailure,
      "standard input is empty: the network configuration, a JSON object, is read from it",
    );
  }
  const value = parseJson(text, "the network configuration");
  if (isObject(value)) return value;
  const message = `the network configuration must be a JSON object, not ${describe(value)}`;
  throw new PluginError(ErrorCode.decodeFailure, message);
}

/** Brackets in strings do not count. What has few of them at all need not be read. */
function isTooDeep(text: string): boolean {
  if (!hasMore(text, "[", deepest / 2) && !hasMore(text, "{", deepest / 2)) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfString(text, at);
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > deepest) return true;
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
    }
  }
  return false;
}

function hasMore(text: string, character: string, count: number): boolean {
  if (text.length <= count) return false;
  let found = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) {
    if (++found > count) return true;
  }
  return false;
}

/** Where the string that begins here ends: its closing quote, or the text's end. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}

/** Characters of a value that a message shows. */
const shown = 60;

/** A value for an error message: JSON, shortened. */
export function describe(value: unknown): string {
  const text = beginningOf(value, shown + 1);
  return text.length > shown ? `${text.slice(0, shown - 3)}...` : text;
}

/** The JSON of a value, no more of it than so many characters: values may be large, and their JSON larger. */
function beginningOf(value: unknown, room: number): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, room));
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "nothing";
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  let text = open;
  for (const key in value) {
    if (text.length > room) return text;
    if (text !== open) text += ",";
    if (open === "{") text += `${beginningOf(key, room)}:`;
    text += beginningOf((value as JsonObject)[key], room - text.length);
  }
  return text + close;
}

/** A JSON pointer's token for a key (RFC 6901). */
export function token(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** The place of a JSON pointer as people write it: `/ipam/subnets/0/gateway` is `ipam.subnets[0].gateway`. */
export function placeOf(pointer: string): string {
  let place = "";
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    place += /^\d+$/.test(key) ? `[${key}]` : place === "" ? key : `.${key}`;
  }
  return place === "" ? "the network configuration" : place;
}

/** Characters in which a fault is looked for: nobody writes more by hand, and an interpreter takes long over megabytes. */
const searched = 2 ** 18;

// Engines describe a fault in their own words, some without a place. This runs only once parsing has failed.
function describeFault(text: string): string {
  if (text.length > searched) return `${text.length} characters, too many to look for the fault`;
  const { at, expected } = findFault(text);
  let line = 1;
  let start = 0;
  for (let end = text.indexOf("\n"); end >= 0 && end < at; end = text.indexOf("\n", end + 1)) {
    line++;
    start = end + 1;
  }
  const found = at >= text.length ? "the end" : JSON.stringify(String.fromCodePoint(text.codePointAt(at) as number));
  return `line ${line}, column ${at - start + 1}: ${expected} expected, ${found} found`;
}

interface Fault {
  readonly at: number;
  readonly expected: string;
}

/**
 * The first place where the text is no JSON (RFC 8259). Without recursion, and without patterns that the engines match by
 * noting a step for each character: the text may be large and anything.
 */
export function findFault(text: string): Fault {
  /** The closing brackets that are awaited, the innermost last. */
  const open: string[] = [];
  let at = 0;
  let next: "value" | "key" | "end" = "value";
  for (;;) {
    at = skip(text, at, " \t\n\r");
    const character = text[at] ?? "";
    if (next === "end") {
      const closing = open.at(-1);
      if (closing === undefined) return { at, expected: "the end" };
      if (character !== "," && character !== closing) return { at, expected: `a comma or ${closing}` };
      at++;
      if (character === closing) open.pop();
      else next = closing === "}" ? "key" : "value";
    } else if (next === "key") {
      if (character !== '"') return { at, expected: "a key in double quotes" };
      const end = readString(text, at);
      if (text[end] !== '"') return { at: end, expected: inString };
      at = skip(text, end + 1, " \t\n\r");
      if (text[at] !== ":") return { at, expected: "a colon" };
      at++;
      next = "value";
    } else if (character === "{" || character === "[") {
      const closing = character === "{" ? "}" : "]";
      at = skip(text, at + 1, " \t\n\r");
      if (text[at] === closing) {
        at++;
        next = "end";
      } else {
        open.push(closing);
        next = character === "{" ? "key" : "value";
      }
    } else {
      const end = character === '"' ? readString(text, at) : readScalar(text, at);
      if (character === '"' && text[end] !== '"') return { at: end, expected: inString };
      if (end === at) return { at, expected: "a value" };
      at = character === '"' ? end + 1 : end;
      next = "end";
    }
  }
}

const inString = "a closing quote or a valid character of a string";

/** The first place from here that is none of these characters. */
function skip(text: string, from: number, characters: string): number {
  let at = from;
  while (at < text.length && characters.includes(text[at] as string)) at++;
  return at;
}

/** The place of a string's closing quote, or of the first character that cannot be in a string. */
function readString(text: string, start: number): number {
  for (let at = start + 1; ; ) {
    // What is no ordinary character: a quote, a backslash, or a control character, which JSON forbids.
    const special = /[^ !#-[\]-\uffff]/g;
    special.lastIndex = at;
    const found = special.exec(text);
    if (found === null) return text.length;
    at = found.index;
    if (text[at] !== "\\") return at;
    const escaped = /^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(at + 1, at + 6));
    if (escaped === null) return at;
    at += 1 + escaped[0].length;
  }
}

/** Where the number or word that begins here ends; the same place where there is none. */
function readScalar(text: string, start: number): number {
  for (const word of ["true", "false", "null"]) if (text.startsWith(word, start)) return start + word.length;
  const digits = "0123456789";
  const whole = text[start] === "-" ? start + 1 : start;
  let end = text[whole] === "0" ? whole + 1 : skip(text, whole, digits);
  if (end === whole) return start;
  if (text[end] === ".") {
    const fraction = skip(text, end + 1, digits);
    if (fraction === end + 1) return end;
    end = fraction;
  }
  if (text[end] !== "e" && text[end] !== "E") return end;
  const sign = text[end + 1] === "+" || text[end + 1] === "-" ? end + 2 : end + 1;
  const exponent = skip(text, sign, digits);
  return exponent === sign ? end : exponent;
}
