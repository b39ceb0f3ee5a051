// npm run generate: schemas/NAME.schema.json becomes src/config/generated/NAME.validator.js, its declaration and
// NAME.types.ts. The schema is the one source of what a configuration looks like.
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { runStep, type Step } from "./incremental.ts";
import { at } from "./paths.ts";
import type { NamedSchema } from "./schema.ts";
import { typesFrom } from "./schema-types.ts";
import { validatorFrom } from "./schema-validator.ts";

const folder = at("src/config/generated");

function readSchemas(): NamedSchema[] {
  return globSync(at("schemas/*.schema.json"))
    .sort()
    .map((path) => ({ name: basename(path, ".schema.json"), schema: JSON.parse(readFileSync(path, "utf8")) }));
}

async function generate(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const current = outputs();
  for (const file of readdirSync(folder)) if (!current.includes(at(folder, file))) rmSync(at(folder, file));
  const schemas = readSchemas();
  for (const { name, schema } of schemas) {
    const { typeName, source } = await typesFrom({ name, schema }, schemas);
    writeFileSync(at(folder, `${name}.types.ts`), source);
    writeFileSync(at(folder, `${name}.validator.js`), await validatorFrom(schema, schemas));
    writeFileSync(at(folder, `${name}.validator.d.ts`), declarationOf(name, typeName));
  }
}

const outputs = (): string[] =>
  readSchemas().flatMap(({ name }) =>
    ["types.ts", "validator.js", "validator.d.ts"].map((suffix) => at(folder, `${name}.${suffix}`)),
  );

const declarationOf = (name: string, typeName: string): string => `import type { ErrorObject } from "ajv";
import type { ${typeName} } from "./${name}.types.ts";

declare const validate: {
  (data: unknown): data is ${typeName};
  /** Why the last call said no: one error. */
  errors?: ErrorObject[] | null;
};
export default validate;
`;

export const generateStep: Step = {
  name: "src/config/generated",
  inputs: ["schemas/*.schema.json"],
  outputs,
  run: generate,
};

if (import.meta.main) await runStep(generateStep);
