import { Ajv2020 } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import { build } from "esbuild";
import { at } from "./paths.ts";
import { fileNameOf, type NamedSchema } from "./schema.ts";

/** The source of an ES module that checks a value against the schema, and needs nothing of ajv when it runs. */
export async function validatorFrom(name: string, all: NamedSchema[]): Promise<string> {
  const ajv = new Ajv2020({
    strict: true,
    // `required` in one branch of an anyOf names properties that the schema around it describes.
    strictRequired: false,
    allowUnionTypes: true,
    allErrors: false,
    // `format` is a hint to editors; what we accept is said by patterns and checked by our own address code.
    validateFormats: false,
    // src/config/schema-error.ts has its own sentences.
    messages: false,
    code: { source: true, esm: true, lines: true },
    // One function a definition, wherever it is used.
    inlineRefs: false,
  });
  // Bookkeeping for keywords that the schemas do not use: a sixth of the code, which is read at every start.
  Object.assign(ajv.opts, { unevaluated: false, dynamicRef: false });
  for (const one of all) ajv.addSchema(one.schema, fileNameOf(one.name));
  const validate = ajv.getSchema(fileNameOf(name));
  if (validate === undefined) throw new Error(`there is no schema ${name}`);
  return withoutRequire(shortened(withoutSchemas(standalone.default(ajv, validate))));
}

/** Where in the schema an error comes from nobody asks; and every error is made in one place: a third of the code. */
function shortened(source: string): string {
  const refusal =
    /(validate\d+)\.errors = \[\{instancePath(?::(.*?))?,schemaPath:"[^"]*",keyword:("[^"]*"),params:(\{.*?\})\}\];\nreturn false;/g;
  const code = source
    .replace(
      refusal,
      (_, validate: string, path = "instancePath", keyword: string, params: string) =>
        `return refuse(${validate}, ${path}, ${keyword}, ${params});`,
    )
    .replaceAll(/schemaPath:"[^"]*",/g, "");
  return `${code}
function refuse(validate, instancePath, keyword, params) {
  validate.errors = [{ instancePath, keyword, params }];
  return false;
}
`;
}

/**
 * ajv's code carries the schemas, descriptions and all, to take lists of allowed values out of them for its errors. With
 * those written out in their places the schemas go, and nobody loads them at every start.
 */
function withoutSchemas(source: string): string {
  const schemas = new Map<string, unknown>();
  const code = source.replace(/^const (schema\d+) = (.+);$/gm, (_, name: string, json: string) => {
    schemas.set(name, JSON.parse(json));
    return "";
  });
  return code.replace(/\b(schema\d+)((?:\.[\w$]+|\["[^"]+"\]|\[\d+\])*)/g, (_, name: string, path: string) => {
    let value = schemas.get(name);
    for (const [, key, index] of path.matchAll(/\.([\w$]+)|\["?([^"\]]+)"?\]/g)) {
      value = (value as Record<string, unknown>)[(key ?? index) as string];
    }
    if (value === undefined) throw new Error(`ajv's code refers to ${name}${path}, which is not in the schemas`);
    return JSON.stringify(value);
  });
}

/** ajv writes `require` into ES modules, too, where a keyword (uniqueItems, maxLength) needs a function of its own. */
async function withoutRequire(source: string): Promise<string> {
  if (!source.includes("require(")) return source;
  // As if it stood in this folder: there ajv is found.
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: at("build") },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["main"],
    absWorkingDir: at("."),
  });
  return outputFiles[0]?.text as string;
}
