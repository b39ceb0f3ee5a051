// The examples are valid, and each has its row in the table and its test.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import t from "tap";
import { at } from "../../build/paths.ts";
import { parseNetworkConfig } from "../../src/config/parse.ts";
import { example, executionConfig } from "../kernel/networks/lib/examples.ts";

const files = readdirSync(at("conf-examples")).filter((name) => name !== "README.md");
const readme = readFileSync(at("conf-examples/README.md"), "utf8");
const schema = (name: string) => JSON.parse(readFileSync(at(`schemas/${name}.schema.json`), "utf8"));
const ajv = new Ajv2020({ strict: false });
// Under its file's name, by which the schema of lists refers to it.
ajv.addSchema(schema("network-configuration"), "network-configuration.schema.json");
const validate = ajv.compile(schema("network-configuration-list"));

t.test("every example is valid by the published schema and by the plugin, without a warning", async (t) => {
  for (const file of files) {
    const network = example(file);
    t.ok(validate(network), `${file}: ${ajv.errorsText(validate.errors)}`);
    const text = JSON.stringify(executionConfig(network));
    const { config, warnings } = parseNetworkConfig(text, {
      command: "ADD",
      args: "",
      netns: "/run/netns/c1",
      ifname: "eth0",
    });
    t.strictSame(warnings, [], file);
    t.equal(config.name, network.name);
  }
});

t.test("a slip in an example would be seen", async (t) => {
  const network = example("09-ipvlan20.conflist");
  for (const slip of [{ mode: "l4" }, { vlan: 4095 }, { ipam: { subnet: "10.0.0.0/8" } }]) {
    t.notOk(validate({ ...network, plugins: [{ ...network.plugins[0], ...slip }] }), JSON.stringify(slip));
  }
});

t.test("the table lists every example once, in the files' order, with a test that reads it", async (t) => {
  const rows = [...readme.matchAll(/^\| .* \| \[(\S+)\]\((\S+)\) \| (\S+\.test\.ts), "([^"]+)" \| .+ \|$/gm)];
  t.strictSame(
    rows.map(([, , file]) => file),
    files.sort(),
  );
  for (const [, shown, file, test, title] of rows) {
    t.equal(`${file}`.replace(/\.\w+$/, ""), shown);
    const path = at(`test/kernel/${test}`);
    const source = existsSync(path) ? readFileSync(path, "utf8") : "";
    t.ok(source.includes(`example("${file}")`) || source.includes(`file: "${file}"`), `${test} reads ${file}`);
    t.match(source, new RegExp(`t\\.test\\(\\s*"[^"]*${title}`), `${test} has a test "${title}"`);
  }
});

t.test("the numbers are the order, and the networks' names differ", async (t) => {
  for (const file of files) t.match(file, /^\d\d-[\w-]+\.(conflist|yaml)$/);
  const names = files.filter((file) => file.endsWith(".conflist")).map((file) => example(file).name);
  t.equal(new Set(names).size, names.length);
});
