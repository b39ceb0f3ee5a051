import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { cachedFolder } from "./cache.ts";
import { unpacked } from "./debian/packages.ts";
import { libraryPath } from "./library-path.ts";
import { Obstacle } from "./obstacle.ts";
import { at } from "./paths.ts";
import { hasProgram } from "./programs.ts";
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
    const python = await findPython(unfinished);
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

type Python = (words: readonly string[], variables?: Readonly<Record<string, string>>) => Promise<string>;

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

/** Of what pip depends on: modules of Python's that it does not use. */
const unneeded =
  /^(openssl|ca-certificates|media-types|readline-common|python3-(wheel|lib2to3)|lib(gssapi|k5crypto|keyutils|krb5|ncursesw|nsl|readline|sqlite3|tirpc))/;

/** Debian's Python with pip, unpacked into the cache; on another system its own. */
async function findPython(folder: string): Promise<Python> {
  if (!hasProgram("apt-get")) {
    const python: Python = (words, variables = {}) => runTool("python3", words, { variables });
    await python(["-m", "pip", "--version"]).catch(() => {
      throw new Obstacle("the sources of QuickJS-ng are fetched by pip, and there is no python3 with pip");
    });
    return python;
  }
  const root = await unpacked({ name: "pip", packages: ["python3-pip"], without: unneeded });
  const certificates = join(folder, "certificates.pem");
  writeFileSync(certificates, rootCertificates.join("\n"));
  // Debian's pip knows no certificates but the system's, and a bare Debian has none.
  const isBare = !existsSync("/etc/ssl/certs/ca-certificates.crt") && process.env.PIP_CERT === undefined;
  const environment = {
    LD_LIBRARY_PATH: libraryPath(root),
    PYTHONDONTWRITEBYTECODE: "1",
    ...(isBare ? { PIP_CERT: certificates } : {}),
  };
  const command = ["-u", "PYTHONHOME", join(root, "usr/bin/python3")];
  return (words, variables = {}) =>
    runTool("env", [...command, ...words], { variables: { ...environment, ...variables } });
}
