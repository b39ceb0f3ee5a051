// The published schemas in the tools that people give them to: VS Code's JSON service, check-jsonschema, and ajv as a library.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import t from "tap";
import { cachedFolder } from "../../build/cache.ts";
import { Obstacle } from "../../build/obstacle.ts";
import { at } from "../../build/paths.ts";
import { findPython, type Python } from "../../build/python.ts";

const { getLanguageService, TextDocument }: typeof import("vscode-json-languageservice") = createRequire(
  import.meta.url,
)("vscode-json-languageservice");

const folder = mkdtempSync(join(tmpdir(), "ipvlan-cni-"));
t.teardown(() => rmSync(folder, { recursive: true }));

const listFile = at("schemas/network-configuration-list.schema.json");
/** As `ipvlan schema --list` prints it: one file, with nothing beside it. */
const printed = join(folder, "printed.json");
const { stdout, status } = spawnSync(at("dist/native/ipvlan"), ["schema", "--list"], { env: {}, encoding: "utf8" });
t.equal(status, 0);
writeFileSync(printed, stdout);

const good = { cniVersion: "1.0.0", name: "n", plugins: [{ type: "ipvlan", master: "eth0", mode: "l3" }] };
const slips: Readonly<Record<string, object>> = {
  mode: { type: "ipvlan", mode: "l4" },
  subnetz: { type: "ipvlan", ipam: { subnetz: [] } },
  rangeStart: { type: "ipvlan", ipam: { type: "host-local", ranges: [[{ subnet: "10.0.0.0/8", rangeStart: 5 }]] } },
};
const withSlip = (slip: object): object => ({ ...good, plugins: [slip] });

for (const [name, file] of Object.entries({ "the file": listFile, "what ipvlan schema prints": printed })) {
  t.test(`VS Code completes and checks the keys of a list: ${name}`, async (t) => {
    const service = getLanguageService({
      schemaRequestService: async (url) => readFileSync(fileURLToPath(url), "utf8"),
      workspaceContext: { resolveRelativePath: (relative, resource) => new URL(relative, resource).href },
    });
    service.configure({ schemas: [{ fileMatch: ["*.conflist"], uri: pathToFileURL(file).href }] });
    const open = (text: string) => {
      const document = TextDocument.create("file:///etc/cni/net.d/10-n.conflist", "json", 1, text);
      return { document, json: service.parseJSONDocument(document) };
    };
    const found = async (value: object): Promise<string[]> => {
      const { document, json } = open(JSON.stringify(value));
      return (await service.doValidation(document, json)).map(({ message }) => String(message));
    };
    t.strictSame(await found(good), []);
    for (const [key, slip] of Object.entries(slips)) t.equal((await found(withSlip(slip))).length, 1, key);

    const completed = async (text: string): Promise<string[]> => {
      const { document, json } = open(text.replace("|", ""));
      const list = await service.doComplete(document, document.positionAt(text.indexOf("|")), json);
      return (list?.items ?? []).map(({ label }) => label);
    };
    const entry = (inside: string): string => `{"name": "n", "plugins": [{"type": "ipvlan", ${inside}}]}`;
    const keys = await completed(entry("|"));
    for (const key of ["master", "mode", "vlan", "ipam"]) t.ok(keys.includes(key), key);
    t.strictSame((await completed(entry('"mode": |'))).sort(), ['"l2"', '"l3"', '"l3s"']);
    t.ok((await completed(entry('"ipam": {"subnets": [{|}]}'))).includes("auxAddresses"));
    t.ok((await completed(entry('"ipam": {"type": "host-local", |}'))).includes("ranges"));

    const { document, json } = open(JSON.stringify(good));
    const hover = await service.doHover(
      document,
      document.positionAt(JSON.stringify(good).indexOf('"mode"') + 2),
      json,
    );
    t.match(JSON.stringify(hover?.contents), "containers are neighbours on the parent");
  });
}

t.test("ajv is given both files under their names", async (t) => {
  const read = (file: string) => JSON.parse(readFileSync(file, "utf8"));
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(read(at("schemas/network-configuration.schema.json")), "network-configuration.schema.json");
  for (const validate of [ajv.compile(read(listFile)), new Ajv2020({ strict: false }).compile(read(printed))]) {
    t.ok(validate(good));
    for (const [key, slip] of Object.entries(slips)) t.notOk(validate(withSlip(slip)), key);
  }
});

/** check-jsonschema, installed into the cache, and the Python that runs it. */
async function findCheckJsonSchema(): Promise<{ python: Python; packages: string } | { lack: string }> {
  try {
    const python = await findPython(folder, "check-jsonschema");
    const version = (await python(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])).trim();
    const requirements = at("test/install/check-jsonschema-requirements.txt");
    const packages = await cachedFolder(`test/check-jsonschema-0.39.0-python${version}`, async (unfinished) => {
      const words = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--target", unfinished];
      const quietly = ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--root-user-action=ignore"];
      await python(["-m", "pip", "install", ...quietly, ...words, "--requirement", requirements]).catch((error) => {
        throw new Obstacle(`pip cannot fetch check-jsonschema: ${error.message}`);
      });
    });
    return { python, packages };
  } catch (error) {
    if (error instanceof Obstacle) return { lack: error.message };
    throw error;
  }
}

const checker = await findCheckJsonSchema();

t.test("check-jsonschema, wherever it is started", { skip: "lack" in checker && checker.lack }, async (t) => {
  if ("lack" in checker) return;
  const { python, packages } = checker;
  const check = (schema: string, ...files: string[]): Promise<string> =>
    python(["-m", "check_jsonschema", "--schemafile", schema, ...files], { PYTHONPATH: packages });
  const write = (name: string, value: object): string => {
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(value));
    return file;
  };
  const rejected = Object.entries(slips).map(([key, slip]) => write(key, withSlip(slip)));
  for (const schema of [listFile, printed]) {
    t.match(await check(schema, write("good", good)), "ok -- validation done");
    const refusal = await check(schema, ...rejected).then(String, (error: Error) => error.message);
    t.match(refusal, /mode: 'l4' is not one of/);
    t.match(refusal, /'subnetz' was unexpected/);
    t.match(refusal, /rangeStart: 5 is not of type 'string'/);
  }
});
