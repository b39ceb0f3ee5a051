import type { Keys } from "../src/cni/normalise.ts";
import type { NamedSchema } from "./schema.ts";

/** What this reads of a schema; nothing else in it says which keys there are. */
interface Node {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  properties?: Record<string, Node>;
  required?: string[];
  additionalProperties?: Node | boolean;
  items?: Node;
  allOf?: Node[];
  if?: Node;
  then?: Node;
  else?: Node;
  $defs?: Record<string, Node>;
}

/**
 * The source of a module with the keys that a schema knows, on every level: `keys` are those of the schema itself, and each of its
 * $defs is exported under its own name.
 * @param normaliser the module of the type Keys, as this one imports it
 */
export function keysFrom({ name, schema }: NamedSchema, normaliser: string): string {
  const { $defs = {}, ...whole } = schema as Node;
  const lines: string[] = [];
  const written = new Set<string>();
  // Those that others are made of come first.
  const write = (key: string, node: Node | undefined): void => {
    if (node === undefined) throw new Error(`${name} has no $defs/${key}`);
    if (written.has(key)) return;
    written.add(key);
    for (const used of referencesIn(node)) write(used, $defs[used]);
    lines.push(`export const ${key}: Keys = ${print(node)};`);
  };
  for (const [key, node] of Object.entries($defs)) write(key, node);
  if (whole.properties !== undefined) write("keys", whole);
  return `// Made from schemas/${name}.schema.json by \`npm run generate\`.\nimport type { Keys } from "${normaliser}";\n\n${lines.join("\n")}\n`;
}

function referencesIn(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === "$ref" ? [nameIn(value as string)] : referencesIn(value),
  );
}

function nameIn(reference: string): string {
  const name = /^#\/\$defs\/(\w+)$/.exec(reference)?.[1];
  if (name === undefined) throw new Error(`only references to the schema's own $defs are understood, not ${reference}`);
  return name;
}

/** The literal of a {@link Keys}, or the name of the constant that is one. */
function print(node: Node): string {
  const { $ref, type, properties, additionalProperties, items, allOf = [] } = node;
  if ($ref !== undefined) {
    if (properties !== undefined || allOf.length > 0) throw new Error(`keys beside ${$ref} are not understood`);
    return nameIn($ref);
  }
  const parts: Partial<Record<keyof Keys, string>> = {};
  if (properties !== undefined) parts.keys = printAll(properties);
  if (allOf.length > 0) parts.cases = printAll(Object.fromEntries(allOf.map(caseOf)));
  if (typeof additionalProperties === "object") parts.values = print(additionalProperties);
  if (items !== undefined) parts.items = print(items);
  if (Array.isArray(type) && type.includes("null")) parts.keepsNull = "true";
  return literal(parts);
}

const printAll = (nodes: Record<string, Node>): string =>
  literal(Object.fromEntries(Object.entries(nodes).map(([key, node]) => [key, print(node)])));

const literal = (parts: Record<string, string>): string =>
  `{ ${Object.entries(parts)
    .map(([key, text]) => `${JSON.stringify(key)}: ${text}`)
    .join(", ")} }`;

/** A branch that a `type` chooses, or its absence. */
function caseOf(branch: Node): [string, Node] {
  const { properties, required = [] } = branch.if ?? {};
  const type = properties?.type?.const;
  if (typeof type === "string" && branch.then !== undefined) return [type, branch.then];
  if (properties === undefined && required.includes("type") && branch.else !== undefined) return ["", branch.else];
  throw new Error(`of branches only those are understood that "type" chooses: ${JSON.stringify(branch)}`);
}
