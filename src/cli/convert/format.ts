import { isObject } from "../../cni/json.ts";

/** Columns of a line; what fits stands on one. */
const width = 80;

/** JSON as people write configurations: small objects and lists on one line. Keys that are undefined are left out. */
export function formatJson(value: unknown, indent = 0, behind = 0): string {
  const short = onOneLine(value);
  if (indent + short.length + behind <= width && !isTopLevel(value, indent)) return short;
  const inner = " ".repeat(indent + 2);
  const lines = Array.isArray(value)
    ? value.map((one) => formatJson(one, indent + 2, 1))
    : isObject(value)
      ? entriesOf(value).map(([key, one]) => {
          const name = `${JSON.stringify(key)}: `;
          return name + formatJson(one, indent + 2, 1 + name.length);
        })
      : undefined;
  if (lines === undefined || lines.length === 0) return short;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${lines.map((line) => inner + line).join(",\n")}\n${" ".repeat(indent)}${close}`;
}

const isTopLevel = (value: unknown, indent: number): boolean => indent === 0 && isObject(value);

const entriesOf = (value: object): [string, unknown][] => Object.entries(value).filter(([, one]) => one !== undefined);

function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  const entries = entriesOf(value).map(([key, one]) => `${JSON.stringify(key)}: ${onOneLine(one)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}
