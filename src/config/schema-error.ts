import { describe, isObject, placeOf, token } from "../cni/json.ts";
import type { Keys } from "../cni/normalise.ts";
import { invalid } from "../cni/read.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { hint } from "./did-you-mean.ts";
import { keys } from "./generated/network-configuration.keys.ts";

/** What this needs of an ajv ErrorObject. */
export interface SchemaError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Set where a key, not a value, is wrong. */
  readonly propertyName?: string;
}

/** One sentence of what the schema found, with the JSON pointer as details. */
export function errorFromSchema(error: SchemaError, data: unknown): PluginError {
  const { instancePath: pointer, keyword, params } = error;
  const value = valueAt(data, pointer);
  if (error.propertyName !== undefined) {
    return unknownKey(pointer, error.propertyName, value, params.allowedValues as readonly string[]);
  }
  switch (keyword) {
    case "additionalProperties":
      return unknownKey(pointer, params.additionalProperty as string, value, keysAt(pointer));
    case "required":
      return invalid(pointer, `lacks the key ${JSON.stringify(params.missingProperty)}`);
    case "type":
      return invalid(pointer, `must be ${typeNames(params.type)}, not ${describe(value)}`);
    case "enum": {
      const allowed = params.allowedValues as readonly string[];
      return invalid(
        pointer,
        `${describe(value)} is unknown: it must be one of ${allowed.join(", ")}${hint(value, allowed)}`,
      );
    }
    case "minimum":
    case "maximum": {
      const bound = keyword === "minimum" ? "at least" : "at most";
      return invalid(pointer, `must be ${bound} ${params.limit}, not ${describe(value)}`);
    }
    case "pattern":
      return invalid(pointer, `${describe(value)} ${brokenPattern(String(params.pattern), value)}`);
    case "maxItems":
      return invalid(pointer, `has more than ${params.limit} items`);
    case "minProperties":
    case "maxProperties":
      return invalid(pointer, `must have exactly one of the keys ${keysAt(pointer).join(", ")}`);
    default:
      return invalid(pointer, `breaks the schema's rule "${keyword}": ${JSON.stringify(params)}`);
  }
}

/** What is wrong with a value of the patterns that the schema has. */
function brokenPattern(pattern: string, value: unknown): string {
  if (String(value).includes("\0")) return "has a NUL character in it, and no path can have one";
  if (pattern.startsWith("^/")) return "is no absolute path: it must begin with /";
  if (pattern.startsWith("^http")) return "is no client URL such as https://etcd-1:2379";
  return "must be of letters, digits, dots, dashes and underscores, and begin with a letter or a digit";
}

/** SPEC.md, "Error": code 2, "the error message must contain the key and value of the unsupported field". */
function unknownKey(pointer: string, key: string, parent: unknown, known: readonly string[]): PluginError {
  const value = isObject(parent) ? parent[key] : undefined;
  const message = `${placeOf(pointer)} has an unknown key ${describe(key)} (value ${describe(value)})`;
  const help = hint(key, known) || `: known are ${known.join(", ")}`;
  return new PluginError(ErrorCode.unsupportedField, message + help, `${pointer}/${token(key)}`);
}

/** The keys that the schema knows at this place; in `ipam` those of the built-in allocator, the only one that is strict. */
export function keysAt(pointer: string): readonly string[] {
  let at = keys;
  for (const part of pointer.split("/").slice(1)) at = insideOf(at)[part] ?? at.items ?? at.values ?? {};
  return Object.keys(insideOf(at));
}

const insideOf = (known: Keys): Readonly<Record<string, Keys>> => ({ ...known.keys, ...known.cases?.[""]?.keys });

function typeNames(type: unknown): string {
  const names: Readonly<Record<string, string>> = {
    string: "a string",
    object: "an object",
    array: "a list",
    integer: "a whole number",
    boolean: "true or false",
  };
  return [type]
    .flat()
    .map((name) => names[name as string] ?? String(name))
    .join(" or ");
}

/** @returns undefined where the pointer leads nowhere */
function valueAt(data: unknown, pointer: string): unknown {
  let value = data;
  for (const part of pointer.split("/").slice(1)) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return value;
}
