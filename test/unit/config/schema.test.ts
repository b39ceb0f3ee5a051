// The published schemas and the code that reads the same configurations say the same.
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import t from "tap";
import validate from "../../../src/config/generated/network-configuration.validator.js";
import validateList from "../../../src/config/generated/network-configuration-list.validator.js";
import { knownKeys } from "../../../src/config/keys.ts";
import { keysAt } from "../../../src/config/schema-error.ts";
import { PluginError } from "../../../src/errors.ts";
import { parseWithWarnings } from "./lib/parsing.ts";

interface Schema {
  readonly title?: string;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const folder = new URL("../../../schemas/", import.meta.url);
const read = (name: string): Schema => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
const schema = read("network-configuration.schema.json");
const keysOf = (one: Schema | undefined): string[] => Object.keys(one?.properties ?? {}).sort();

t.test("the keys that the code knows are the schema's", async (t) => {
  t.strictSame([...knownKeys].sort(), keysOf(schema));
  for (const [pointer, one] of [
    ["", schema],
    ["/master", schema.properties?.master],
    ["/conflictDetection", schema.properties?.conflictDetection],
    ["/ipam", schema.$defs?.builtinIpam],
    ["/ipam/subnets/17", schema.$defs?.subnet],
    ["/ipam/routes/0", schema.$defs?.route],
    ["/runtimeConfig/ipRanges/0/1", schema.$defs?.range],
  ] as const) {
    t.strictSame([...keysAt(pointer)].sort(), keysOf(one), pointer);
  }
});

t.test("every key has a title for editors", async (t) => {
  const visit = (one: Schema, place: string): void => {
    for (const [key, property] of Object.entries(one.properties ?? {})) {
      const isDiscriminator = key === "type" && place !== "";
      t.ok(property.title ?? property.$ref ?? isDiscriminator, `${place}/${key}`);
      visit(property, `${place}/${key}`);
    }
    for (const [key, definition] of Object.entries(one.$defs ?? {})) visit(definition, `${place}/$defs/${key}`);
    if (one.items !== undefined) visit(one.items, `${place}/items`);
  };
  for (const name of readdirSync(folder)) visit(read(name), "");
});

t.test("the schema's own examples are accepted", async (t) => {
  for (const [key, { examples = [] }] of Object.entries(schema.properties ?? {})) {
    if (key === "type") continue;
    for (const example of examples) {
      const more = key === "vlan" ? { master: "eth0" } : {};
      t.doesNotThrow(() => parseWithWarnings({ [key]: example, ...more }), `${key}: ${JSON.stringify(example)}`);
    }
  }
});

t.test("a list: entries of ours are checked in full, those of others are not", async (t) => {
  const list = (...plugins: object[]): object => ({ cniVersion: "1.1.0", name: "n", plugins });
  t.ok(
    validateList(list({ type: "ipvlan", master: "eth0" }, { type: "portmap", capabilities: { portMappings: true } })),
  );
  t.ok(validateList(list({ type: "bridge", master: 5 })));
  t.notOk(validateList(list({ type: "ipvlan", master: 5 })));
  t.equal(validateList.errors?.[0]?.instancePath, "/plugins/0/master");
  t.notOk(validateList(list({ type: "ipvlan", ipam: { colour: 1 } })));
  t.notOk(validateList(list({ master: "eth0" })));
  t.notOk(validateList(list()));
  t.notOk(validateList({ plugins: [{ type: "ipvlan" }] }));
});

t.test("no configuration makes the parser fail otherwise than by an error of its own", async () => {
  const key = fc.constantFrom(...knownKeys, "__proto__", "constructor");
  const text = fc.constantFrom("eth0", "eth0.10", "l2", "vepa", "host-local", "static", "10.0.0.0/24", "::1", "", "lo");
  const inner = fc.constantFrom(
    ...keysAt("/ipam"),
    ...keysAt("/ipam/subnets/0"),
    "__proto__",
    "toString",
    "ranges",
    "addresses",
    "dst",
    "gw",
    "ips",
    "cni",
    "routes",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      text,
      fc.constantFrom(null, true, false, 0, 10, 1500, -1, 1.5),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(inner, tie("value"), { maxKeys: 4 }),
    ),
  }));
  let accepted = 0;
  fc.assert(
    fc.property(fc.dictionary(key, value, { maxKeys: 4 }), (configuration) => {
      try {
        parseWithWarnings(configuration);
        accepted++;
        return true;
      } catch (error) {
        return error instanceof PluginError && [1, 2, 7].includes(error.code) && error.details.startsWith("/");
      }
    }),
    { numRuns: 1000 },
  );
  t.ok(accepted > 20, `${accepted} of 1000 are accepted`);
});

t.test("what the schema refuses is told as one error with the place", async (t) => {
  t.notOk(validate({ mtu: "x", mode: "y" }));
  t.equal(validate.errors?.length, 1);
});
