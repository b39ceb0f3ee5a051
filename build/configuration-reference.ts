import { readFileSync } from "node:fs";
import { at } from "./paths.ts";

interface Schema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly examples?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** Objects that have a section of their own, in this order. */
const sections: readonly (readonly [definition: string, title: string, introduction: string])[] = [
  ["builtinIpam", "`ipam` without `type`: the built-in allocator", ""],
  ["subnet", "A subnet of the built-in allocator", ""],
  ["cluster", "`ipam.cluster`: one pool over many nodes", "What it is and does: [clusters](clusters.md)."],
  ["etcd", "`ipam.cluster.etcd`", ""],
  ["blockSize", "`ipam.cluster.blockSize`", ""],
  ["route", "A route", ""],
  ["hostLocalIpam", "`ipam` of the type `host-local`", "Run in process: no other program is started."],
  ["range", "A range of `host-local`", ""],
  ["staticIpam", "`ipam` of the type `static`", "Run in process: no other program is started."],
  ["dns", "`dns`", ""],
];

/** docs/configuration.md: every key of the schema. */
export function configurationReference(): string {
  const schema: Schema = JSON.parse(readFileSync(at("schemas/network-configuration.schema.json"), "utf8"));
  const definitions = schema.$defs ?? {};
  return `# Configuration reference

<!-- Made by npm run documents from schemas/network-configuration.schema.json. -->

A network is a CNI configuration list in \`/etc/cni/net.d\`, with an entry of the type \`ipvlan\` in \`plugins\`. These are the entry's keys.
\`ipvlan schema\` prints the JSON Schema that this page is made from, for editors; \`ipvlan validate\` checks files against it and against each
other. What each means for who reaches whom: [modes](modes.md).

| key | values, **default** | meaning |
|---|---|---|
${rows(schema, definitions)}

Docker's names \`parent\`, \`ipvlan_mode\` and \`ipvlan_flag\` are read as ours; keys in another case are read with a warning; \`null\` and an empty
text are as good as absent.

${sections
  .filter(([name]) => definitions[name] !== undefined)
  .map(([name, title, introduction]) => {
    const definition = definitions[name] as Schema;
    const words = [definition.description, introduction].filter(Boolean).join(" ");
    return `## ${title}\n\n${words}\n\n| key | values, **default** | meaning |\n|---|---|---|\n${rows(definition, definitions)}\n`;
  })
  .join("\n")}`;
}

function rows(schema: Schema, definitions: Readonly<Record<string, Schema>>): string {
  return Object.entries(schema.properties ?? {})
    .filter(([key, one]) => Object.keys(one).length > 0 && key !== "prevResult")
    .map(([key, one]) => {
      const isNeeded = schema.required?.includes(key) ? ", needed" : "";
      return `| \`${key}\` | ${valuesOf(one, definitions)}${isNeeded} | ${meaningOf(one, definitions)} |`;
    })
    .join("\n");
}

function resolve(schema: Schema, definitions: Readonly<Record<string, Schema>>): Schema {
  const name = schema.$ref?.replace("#/$defs/", "");
  return name === undefined ? schema : { ...definitions[name], ...schema };
}

function valuesOf(raw: Schema, definitions: Readonly<Record<string, Schema>>): string {
  const schema = resolve(raw, definitions);
  const shown = (value: unknown): string => {
    const text = `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
    return value === schema.default ? `**${text}**` : text;
  };
  if (schema.const !== undefined) return shown(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(shown).join(", ");
  const bounds =
    schema.minimum !== undefined && schema.maximum !== undefined ? `, ${schema.minimum} to ${schema.maximum}` : "";
  const types = [schema.type ?? []]
    .flat()
    .filter((type) => type !== "null")
    .join(" or ");
  const items =
    schema.items === undefined ? "" : ` of ${(resolve(schema.items, definitions).type ?? "objects").toString()}s`;
  const byDefault = schema.default === undefined ? "" : `, ${shown(schema.default)}`;
  const examples = (schema.examples ?? [])
    .slice(0, 2)
    .map((value) => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``);
  return escaped(`${types}${items}${bounds}${byDefault}${examples.length === 0 ? "" : `: ${examples.join(", ")}`}`);
}

function meaningOf(raw: Schema, definitions: Readonly<Record<string, Schema>>): string {
  const schema = resolve(raw, definitions);
  return escaped(raw.description ?? schema.description ?? schema.title ?? "");
}

const escaped = (text: string): string => text.replaceAll("|", "\\|");
