import { ErrorCode, PluginError } from "../errors.ts";

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What stands on standard input.
 * @throws PluginError 6 for text that is no JSON object, with the place of the fault
 */
export function decodeObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PluginError(ErrorCode.decodeFailure, `the network configuration is no JSON: ${describeFault(text)}`);
  }
  if (isObject(value)) return value;
  const message = `the network configuration must be a JSON object, not ${describe(value)}`;
  throw new PluginError(ErrorCode.decodeFailure, message);
}

/** A value for an error message: JSON, shortened. */
export function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
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

// Engines describe a fault in their own words, JavaScriptCore without a place. This runs only once parsing has failed.
function describeFault(text: string): string {
  if (text.trim() === "") return "standard input is empty";
  const { at, expected } = findFault(text);
  const before = text.slice(0, at).split("\n");
  const found = at >= text.length ? "the end" : JSON.stringify(String.fromCodePoint(text.codePointAt(at) as number));
  const column = (before.at(-1) as string).length + 1;
  return `line ${before.length}, column ${column}: ${expected} expected, ${found} found`;
}

interface Fault {
  readonly at: number;
  readonly expected: string;
}

/** The first place where the text is no JSON (RFC 8259). */
export function findFault(text: string): Fault {
  const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
  const string = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
  let at = 0;

  const space = (): void => {
    while (at < text.length && " \t\n\r".includes(text[at] as string)) at++;
  };
  const fault = (expected: string): Fault => ({ at, expected });
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const quoted = (what: string): Fault | undefined => {
    if (!match(string)) return fault(what);
    if (text[at] !== '"') return fault("a closing quote or a valid character of a string");
    at++;
    return undefined;
  };
  const member = (): Fault | undefined => {
    const wrong = quoted("a key in double quotes");
    if (wrong !== undefined) return wrong;
    space();
    if (text[at] !== ":") return fault("a colon");
    at++;
    return value();
  };
  const list = (end: string, item: () => Fault | undefined): Fault | undefined => {
    at++;
    space();
    if (text[at] === end) {
      at++;
      return undefined;
    }
    for (;;) {
      space();
      const wrong = item();
      if (wrong !== undefined) return wrong;
      space();
      const next = text[at];
      if (next !== "," && next !== end) return fault(`a comma or ${end}`);
      at++;
      if (next === end) return undefined;
    }
  };
  const value = (): Fault | undefined => {
    space();
    if (text[at] === "{") return list("}", member);
    if (text[at] === "[") return list("]", value);
    if (text[at] === '"') return quoted("a string");
    return match(scalar) ? undefined : fault("a value");
  };

  const wrong = value();
  if (wrong !== undefined) return wrong;
  space();
  return fault("the end");
}
