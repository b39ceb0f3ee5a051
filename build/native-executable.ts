// dist/native/ipvlan: the program as a heap of QuickJS-ng in a static executable. See src/system/quickjs/heap.c.
import { createHash } from "node:crypto";
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { bundle, type Program } from "./bundle.ts";
import { cachedFolder } from "./cache.ts";
import { type Component, npmComponents, quickjsComponent } from "./components.ts";
import { fillSegment } from "./elf.ts";
import { makeInPlace } from "./new-file.ts";
import { at } from "./paths.ts";
import { quickjsSources, quickjsVersion } from "./quickjs.ts";
import { runTool } from "./run-tool.ts";
import { type Arch, hostArch } from "./runtimes.ts";
import { sanitizingToolchain, staticToolchain, type Toolchain } from "./toolchain.ts";
import type { Version } from "./version.ts";

/** Where the heap lies in the process's memory: beyond the program and below everything that the kernel places. */
const HEAP_ADDRESS = 0x10000000;
const engine = ["quickjs", "libregexp", "libunicode", "dtoa"];
const hostFolder = at("src/system/quickjs");

const common = ["-D_GNU_SOURCE", "-DQUICKJS_NG_BUILD"];
const strict = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"];
const small = [
  "-Os",
  "-DNDEBUG",
  "-fno-pie",
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-asynchronous-unwind-tables",
];

/** The host has its own idea of the time while the heap is made. */
const fixedTime = "-Wl,--wrap=gettimeofday,--wrap=clock_gettime";

/** For the plugin, or another program. @returns what of others is in it */
export async function buildNativeExecutable(
  output: string,
  arch: Arch,
  version: Version,
  program: Program = {},
): Promise<Component[]> {
  const toolchain = await staticToolchain(arch);
  const sources = await quickjsSources();
  return inFolder(async (work) => {
    const { files, inputs } = await bundle(join(work, "bundle"), "quickjs", version, program);
    const modules = await bytecode(files, work);
    const stage = join(work, "stage");
    const sections = [
      fixedTime,
      "-Wl,--gc-sections",
      "-Wl,-z,noseparate-code",
      `-Wl,--section-start=.heap=0x${HEAP_ADDRESS.toString(16)}`,
      "-s",
    ];
    const linked = await link(toolchain, stage, await objects(toolchain, small, small), sections);
    const heap = join(work, "heap");
    const [runner, ...words] = [...toolchain.runner, stage, heap, ...modules];
    await runTool(runner as string, words);
    await makeInPlace(output, async (unfinished) => {
      writeFileSync(unfinished, fillSegment(readFileSync(stage), HEAP_ADDRESS, readFileSync(heap)));
      chmodSync(unfinished, 0o755);
    });
    return [quickjsComponent(sources), ...(toolchain.components?.(linked) ?? []), ...npmComponents(inputs)];
  });
}

/**
 * The same host and engine with the address and the undefined-behaviour sanitizer, for tests: every block of memory is one of
 * theirs, and so the modules are read and evaluated at every start, from files beside the executable.
 */
export async function buildSanitizedExecutable(output: string, version: Version, program: Program = {}): Promise<void> {
  const toolchain = await sanitizingToolchain();
  const address = ["-O1", "-g", "-fsanitize=address", "-fno-omit-frame-pointer"];
  await inFolder(async (work) => {
    const modules = await bytecode(
      (await bundle(join(work, "bundle"), "quickjs", version, program)).files,
      `${output}.modules`,
    );
    const names = join(work, "modules.c");
    writeFileSync(names, `const char *modules[] = {${modules.map((path) => `"${path}", `).join("")}0};\n`);
    const own = [...address, "-fsanitize=undefined", "-fno-sanitize-recover=all", "-DHEAP_BY_LIBC"];
    const all = [...(await objects(toolchain, address, own)), names];
    await makeInPlace(output, async (unfinished) => {
      await link(toolchain, unfinished, all, [fixedTime, ...address, "-fsanitize=undefined"]);
    });
  });
}

/** Compiles modules. @returns the files with the compressed bytecode and, before it, its length, in the same order */
async function bytecode(modules: readonly string[], folder: string): Promise<readonly string[]> {
  const toolchain = await staticToolchain(hostArch);
  const source = at("build/bytecode.c");
  const engineObjects = await compiled(toolchain, "engine", engineSources(await quickjsSources()), [...small, "-w"]);
  const own = await compiled(toolchain, "bytecode", [source], [...strict, ...small]);
  const tool = await cachedFolder(`build/tool-${keyOf([...own, ...engineObjects])}`, (unfinished) =>
    link(toolchain, join(unfinished, "bytecode"), [...own, ...engineObjects], ["-s"]).then(() => undefined),
  );
  mkdirSync(folder, { recursive: true });
  const outputs = modules.map((module) => join(folder, basename(module)));
  await inParallel([...modules.keys()], async (i) => {
    const [module, output] = [modules[i] as string, outputs[i] as string];
    await runTool(join(tool, "bytecode"), [module, output]);
    const plain = readFileSync(output);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(plain.length);
    writeFileSync(output, Buffer.concat([length, deflateRawSync(plain, { level: 9 })]));
  });
  return outputs;
}

/** Compiles the engine and the host, or takes them from the cache. @returns the object files */
async function objects(
  toolchain: Toolchain,
  ofEngine: readonly string[],
  ofHost: readonly string[],
): Promise<readonly string[]> {
  const host = globSync("*.c", { cwd: hostFolder })
    .sort()
    .map((name) => join(hostFolder, name));
  return [
    // As it is: its warnings are its authors'.
    ...(await compiled(toolchain, "engine", engineSources(await quickjsSources()), [...ofEngine, "-w"])),
    ...(await compiled(toolchain, "host", host, [...strict, ...ofHost], globSync(join(hostFolder, "*.h")))),
  ];
}

const engineSources = (folder: string): string[] => engine.map((name) => join(folder, `${name}.c`));

/** Object files of the sources, from the cache where these were compiled in the same way before. */
async function compiled(
  toolchain: Toolchain,
  what: string,
  sources: readonly string[],
  options: readonly string[],
  headers: readonly string[] = [],
): Promise<readonly string[]> {
  const engineFolder = await quickjsSources();
  const contents = [...sources, ...headers].map((file) => readFileSync(file, "utf8"));
  const key = keyOf([toolchain.compiler, toolchain.versions, quickjsVersion, options, contents]);
  const folder = await cachedFolder(`build/${what}-${toolchain.arch}-${key}`, (unfinished) => {
    if (what === "engine")
      process.stderr.write(`build: compiling QuickJS-ng for ${toolchain.arch}; once, half a minute\n`);
    return inParallel(sources, (source) => compile(toolchain, source, unfinished, options, engineFolder));
  });
  return sources.map((source) => join(folder, `${basename(source, ".c")}.o`));
}

function keyOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}

async function compile(
  { compiler: [program, ...words] }: Toolchain,
  source: string,
  folder: string,
  options: readonly string[],
  sources: string,
): Promise<void> {
  const output = join(folder, `${basename(source, ".c")}.o`);
  await runTool(program as string, [...words, ...common, ...options, "-I", sources, "-c", source, "-o", output]);
}

/** @returns the C library's start files and the archives of which the linker took anything */
async function link(
  { compiler: [program, ...words], link: { before, after } }: Toolchain,
  output: string,
  files: readonly string[],
  options: readonly string[],
): Promise<string[]> {
  // Once it tells of the archives, twice of what it takes out of them: "(ARCHIVE)MEMBER".
  const all = [...words, ...before, ...options, "-Wl,--trace,--trace", "-o", output, ...files, ...after];
  const lines = (await runTool(program as string, all)).split("\n");
  return lines.flatMap((line) => /^\((.*\.a)\)/.exec(line)?.[1] ?? (/crt[1in]\.o$/.test(line) ? line : []));
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-cni-build-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
