import { compile, type JSONSchema } from "json-schema-to-typescript";
import { fileNameOf, type NamedSchema, type Schema } from "./schema.ts";

/** Where the schemas are for the types' generator: no place at all. */
const base = "schemas:";

/** TypeScript types of a schema, and the name of the one that stands for the whole. */
export async function typesFrom(
  { name, schema }: NamedSchema,
  all: NamedSchema[],
): Promise<{ typeName: string; source: string }> {
  const source = await compile(prepared({ name, schema }) as JSONSchema, name, {
    bannerComment: `// Made from schemas/${name}.schema.json by \`npm run generate\`.`,
    $refOptions: { resolve: { http: false, file: false, ids: resolverOf(all) } },
    // A definition that is used under if/then only counts as unreachable.
    unreachableDefinitions: true,
    format: false,
  });
  return { typeName: typeNameOf(name), source };
}

/** References go from file to file of the schemas; nothing is fetched. */
function resolverOf(all: NamedSchema[]) {
  const find = (url: string) => all.find(({ name }) => `${base}${fileNameOf(name)}` === url.replace(/#.*$/, ""));
  return {
    order: 1,
    canRead: ({ url }: { url: string }) => find(url) !== undefined,
    read: ({ url }: { url: string }) => JSON.stringify(prepared(find(url) as NamedSchema)),
  };
}

/**
 * The schema as the types' generator wants it. It names a type by its title, but ours are sentences for editors: types
 * are named by the file and by the keys of $defs. And it resolves references against a folder of its own choice.
 */
function prepared({ name, schema }: NamedSchema): Schema {
  const copy: Schema = JSON.parse(JSON.stringify(schema), (key, value) => {
    if (typeof value !== "string") return value;
    if (key === "title") return undefined;
    return key === "$ref" && !value.startsWith("#") ? `${base}${value}` : value;
  });
  copy.title = typeNameOf(name);
  for (const [key, definition] of Object.entries(copy.$defs ?? {})) definition.title = typeNameOf(key);
  return copy;
}

const typeNameOf = (name: string): string =>
  name.replaceAll(/(?:^|[^a-zA-Z0-9]+)([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
