import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cachedFolder } from "./cache.ts";
import { Obstacle } from "./obstacle.ts";
import { at } from "./paths.ts";
import { findPython, type Python } from "./python.ts";
import { runTool } from "./run-tool.ts";

/** The version that build/quickjs-requirements.txt locks. */
export const quickjsVersion = "0.17.0";

/**
 * The folder with QuickJS-ng's C sources. They come, unchanged, in a source distribution on PyPI; pip checks its hash. Of the
 * package only the script that states its metadata is run, with the setuptools that are locked beside it.
 */
export async function quickjsSources(): Promise<string> {
  const folder = await cachedFolder(`build/quickjs-${quickjsVersion}`, async (unfinished) => {
    process.stderr.write(`build: fetching the sources of QuickJS-ng ${quickjsVersion}\n`);
    const python = await findPython(unfinished, "the sources of QuickJS-ng");
    const tools = join(unfinished, "setuptools");
    const wheel = await download(python, setuptools, ["--only-binary=:all:"], join(unfinished, "wheel"));
    await python(["-m", "zipfile", "-e", wheel, tools]);
    const options = ["--no-binary=:all:", "--no-build-isolation"];
    const archive = await download(python, quickjs, options, join(unfinished, "archive"), { PYTHONPATH: tools });
    await runTool("tar", ["-xzf", archive, "-C", unfinished, "--strip-components=1", "--no-same-owner"]);
  });
  return join(folder, "upstream-quickjs");
}

const setuptools = "build/setuptools-requirements.txt";
const quickjs = "build/quickjs-requirements.txt";

/** PyPI's name and version of the source distribution, and its SHA-256, as locked. */
export function quickjsPackage(): { name: string; version: string; sha256: string } {
  const locked = /^(\S+)==(\S+) --hash=sha256:(\S+)$/m.exec(readFileSync(at(quickjs), "utf8"));
  if (locked === null) throw new Error(`${quickjs} locks no package`);
  const [name, version, sha256] = locked.slice(1) as [string, string, string];
  return { name, version, sha256 };
}

/** @returns the path of the one file */
async function download(
  python: Python,
  requirements: string,
  options: readonly string[],
  folder: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const exact = ["--require-hashes", "--no-deps", ...options, "--dest", folder, "--requirement", at(requirements)];
  const words = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", ...exact];
  await python(words, variables).catch((error) => {
    throw new Obstacle(`pip cannot fetch what ${requirements} locks: ${error.message}`);
  });
  return join(folder, readdirSync(folder)[0] as string);
}
