// The order of src/: what stands further down may import what stands above it, never the other way round.
import { globSync, readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import t from "tap";

const src = resolve(import.meta.dirname, "../../src");

/** Folders and files of src/, the lowest first. */
const layers = [
  "version.ts",
  "hash.ts",
  "errors.ts",
  "system",
  "ip",
  "netlink",
  "cni",
  "config",
  "cluster",
  "node",
  "link",
  "reach",
  "ipam",
  "commands",
  "cli",
  "main.ts",
];

const layerOf = (path: string): number => layers.indexOf(relative(src, path).split("/")[0] as string);

interface Import {
  file: string;
  specifier: string;
}

const imports: Import[] = globSync("**/*.ts", { cwd: src }).flatMap((file) =>
  [...readFileSync(resolve(src, file), "utf8").matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(
    ([, specifier]) => ({
      file,
      specifier: specifier as string,
    }),
  ),
);

t.test("every file of src/ has its place in the order", (t) => {
  const strangers = globSync("**/*.ts", { cwd: src }).filter((file) => layerOf(resolve(src, file)) < 0);
  t.same(strangers, []);
  t.end();
});

t.test("no import runs upward", (t) => {
  const upward = imports.filter(({ file, specifier }) => {
    if (!specifier.startsWith(".")) return false;
    const from = resolve(src, file);
    return layerOf(resolve(dirname(from), specifier)) > layerOf(from);
  });
  t.ok(imports.length > 0, "imports are found");
  t.same(upward, []);
  t.end();
});

t.test("no file imports itself by way of others", (t) => {
  const importsOf = Map.groupBy(
    imports.filter(({ specifier }) => specifier.startsWith(".")),
    ({ file }) => file,
  );
  const finished = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" > "));
    if (path.includes(file) || finished.has(file)) return;
    for (const { specifier } of importsOf.get(file) ?? []) {
      walk(relative(src, resolve(src, dirname(file), specifier)), [...path, file]);
    }
    finished.add(file);
  };
  for (const file of importsOf.keys()) walk(file, []);
  t.same(circles, []);
  t.end();
});

t.test("only src/system/, and the program that is for Node alone, import a runtime's modules", (t) => {
  const runtimes = imports.filter(
    ({ file, specifier }) => /^node(:|$)/.test(specifier) && !/^(system|node)\//.test(file),
  );
  t.same(runtimes, []);
  t.end();
});
