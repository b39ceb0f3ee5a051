import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { minify } from "terser";
import { at } from "./paths.ts";
import type { Version } from "./version.ts";

export interface Program {
  /** Default: the plugin. */
  readonly entry?: string;
  /** Of package.json's `imports`, before that of the runtime. */
  readonly conditions?: readonly string[];
  readonly plugins?: BuildOptions["plugins"];
  /** Before all else in the bundle. */
  readonly banner?: string;
}

export interface Bundle {
  /** What is imported before what imports it; the program's own is the last. */
  readonly files: readonly string[];
  /** What went into them, as paths from the checkout. */
  readonly inputs: readonly string[];
}

/**
 * The program's modules in one file, those that it imports when they are needed in others (`import()`).
 * @param runtime a condition of package.json's `imports`
 */
export async function bundle(
  folder: string,
  runtime: "quickjs" | "node",
  version: Version,
  { entry = at("src/main.ts"), conditions = [], plugins = [], banner = "" }: Program = {},
): Promise<Bundle> {
  const { metafile } = await build({
    entryPoints: { ipvlan: entry },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // pkg packages one file: there what is imported later is evaluated later.
    splitting: runtime === "quickjs",
    format: "esm",
    platform: runtime === "node" ? "node" : "neutral",
    target: "es2023",
    mainFields: ["module", "main"],
    conditions: [...conditions, runtime],
    minify: true,
    legalComments: "none",
    banner: { js: banner },
    define: { BUILD_VERSION: JSON.stringify(version.version), BUILD_COMMIT: JSON.stringify(version.commit) },
    absWorkingDir: at("."),
    logLevel: "warning",
    metafile: true,
    ...(plugins === undefined ? {} : { plugins }),
  });
  const outputs = Object.entries(metafile.outputs).map(([path, output]) => ({
    path: at(path),
    imports: output.imports,
  }));
  const ordered: string[] = [];
  const visit = (path: string): void => {
    if (ordered.includes(path)) return;
    for (const one of outputs.find((output) => output.path === path)?.imports ?? []) {
      if (!one.external) visit(at(one.path));
    }
    ordered.push(path);
  };
  const main = join(folder, "ipvlan.mjs");
  if (!readdirSync(folder).includes("ipvlan.mjs")) throw new Error(`the bundler made no ${main}`);
  visit(main);
  // esbuild alone leaves 85 kB more in the native executable.
  if (runtime === "quickjs") for (const file of ordered) await minifyFile(file);
  // What was read and left out again is not in it.
  const inputs = Object.values(metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput === 0 ? [] : [path])),
  );
  return { files: ordered, inputs: [...new Set(inputs)] };
}

async function minifyFile(file: string): Promise<void> {
  const { code } = await minify(readFileSync(file, "utf8"), { module: true, ecma: 2020, compress: { passes: 3 } });
  writeFileSync(file, code as string);
}
