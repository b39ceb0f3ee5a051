// npm run generate: the schemas become code. What a configuration looks like, and which keys there are, is said in them alone.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { runStep, type Step } from "./incremental.ts";
import { at } from "./paths.ts";
import { fileNameOf, type NamedSchema } from "./schema.ts";
import { keysFrom } from "./schema-keys.ts";
import { typesFrom } from "./schema-types.ts";
import { validatorFrom } from "./schema-validator.ts";

/** What is made of each schema: a validator with its types, the keys for src/cni/normalise.ts, or both. */
const plan = [
  { name: "network-configuration", folder: "src/config/generated", validator: true, keys: true },
  { name: "network-configuration-list", folder: "src/config/generated", validator: true, keys: false },
  { name: "protocol", folder: "src/cni/generated", validator: false, keys: true },
] as const;

const read = (name: string): NamedSchema => ({
  name,
  schema: JSON.parse(readFileSync(at(`schemas/${fileNameOf(name)}`), "utf8")),
});

async function generate(): Promise<void> {
  const schemas = plan.map(({ name }) => read(name));
  const current = outputs();
  for (const folder of new Set(current.map(dirname))) {
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(folder)) if (!current.includes(`${folder}/${file}`)) rmSync(`${folder}/${file}`);
  }
  for (const { name, folder, validator, keys } of plan) {
    const write = (suffix: string, text: string): void => writeFileSync(at(folder, `${name}.${suffix}`), text);
    const schema = schemas.find((one) => one.name === name) as NamedSchema;
    if (validator) {
      const { typeName, source } = await typesFrom(schema, schemas);
      write("types.ts", source);
      write("validator.js", await validatorFrom(name, schemas));
      write("validator.d.ts", declarationOf(name, typeName));
    }
    if (keys) write("keys.ts", keysFrom(schema, "../../cni/normalise.ts"));
  }
}

const outputs = (): string[] =>
  plan.flatMap(({ name, folder, validator, keys }) =>
    [...(validator ? ["types.ts", "validator.js", "validator.d.ts"] : []), ...(keys ? ["keys.ts"] : [])].map((suffix) =>
      at(folder, `${name}.${suffix}`),
    ),
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
  name: "generated sources",
  inputs: ["schemas/*.schema.json"],
  outputs,
  run: generate,
};

if (import.meta.main) await runStep(generateStep);
