import { readdirSync } from "node:fs";
import { join } from "node:path";
import { cachedFolder } from "./cache.ts";
import { at } from "./paths.ts";
import { runTool } from "./run-tool.ts";
import { requireProgram } from "./system-packages.ts";

/** The version that build/quickjs-requirements.txt locks. */
export const quickjsVersion = "0.17.0";

/**
 * The folder with QuickJS-ng's C sources. They come, unchanged, in a source distribution on PyPI; pip checks its hash. Of the
 * package only the script that states its metadata is run, with the setuptools that are locked beside it.
 */
export async function quickjsSources(): Promise<string> {
  const folder = await cachedFolder(`quickjs-${quickjsVersion}`, async (unfinished) => {
    await requirePip();
    process.stderr.write(`build: fetching the sources of QuickJS-ng ${quickjsVersion}\n`);
    const tools = join(unfinished, "setuptools");
    const wheel = await download(
      "build/setuptools-requirements.txt",
      ["--only-binary=:all:"],
      join(unfinished, "wheel"),
    );
    await runTool("python3", ["-m", "zipfile", "-e", wheel, tools]);
    const options = ["--no-binary=:all:", "--no-build-isolation"];
    const environment = { PYTHONPATH: tools };
    const archive = await download("build/quickjs-requirements.txt", options, join(unfinished, "archive"), environment);
    await runTool("tar", ["-xzf", archive, "-C", unfinished, "--strip-components=1"]);
  });
  return join(folder, "upstream-quickjs");
}

/** @returns the path of the one file */
async function download(
  requirements: string,
  options: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const exact = ["--require-hashes", "--no-deps", ...options, "--dest", folder, "--requirement", at(requirements)];
  const words = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", ...exact];
  await runTool("python3", words, environment);
  return join(folder, readdirSync(folder)[0] as string);
}

async function requirePip(): Promise<void> {
  const why = "to fetch the sources of QuickJS-ng";
  requireProgram("python3", ["python3", "python3-pip"], why);
  const hasPip = await runTool("python3", ["-m", "pip", "--version"]).then(
    () => true,
    () => false,
  );
  if (!hasPip) requireProgram("pip3", ["python3-pip"], why);
}
