// npm run release [-- NAME...]: in dist/release the archives, the Debian packages, their checksums, and the folder from
// which Docker builds the image for Kubernetes.
//
//   npm run release                   all
//   npm run release -- linux-x64 amd64
//                                     some: linux-* are archives, amd64 and arm64 Debian packages, image the folder
//
// Everything comes from this checkout and npm's packages, and nothing of a package is run but the build's own tools.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { buildDebianPackage } from "./debian-package.ts";
import { generateStep } from "./generate.ts";
import { runStep } from "./incremental.ts";
import { makeInPlace } from "./new-file.ts";
import { at, shown } from "./paths.ts";
import { releaseTargets } from "./release-targets.ts";
import { runTool } from "./run-tool.ts";
import { readVersion } from "./version.ts";

const version = readVersion();
const output = at("dist/release");
const sources = ["src/**/*.{ts,js,c,h}", "schemas/**/*.json"];
/** What goes into every archive beside the executable. */
const documents = ["LICENSE", "README.md", "CHANGELOG.md", "conf-examples", "schemas", "build/install.sh"];
const documentFiles = documents
  .flatMap((path) => [path, `${path}/**/*.*`])
  .filter((path) => /\.\w+$|LICENSE/.test(path));

/** The executable for a target, built if it is not there. */
async function executableOf(name: string): Promise<string> {
  const target = releaseTargets.find((target) => target.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  const path = join(output, ".executables", name, "ipvlan");
  await runStep({
    name: `dist/release/${name}`,
    inputs: sources,
    settings: version,
    outputs: () => [path],
    run: () => target.build(path, version),
  });
  return path;
}

async function buildArchive(name: string): Promise<string> {
  const executable = await executableOf(name);
  const folder = `ipvlan-cni-${version.version}-${name}`;
  const archive = join(output, `${folder}.tar.gz`);
  const pack = async (unfinished: string) => {
    const work = mkdtempSync(join(output, ".archive-"));
    try {
      mkdirSync(join(work, folder));
      cpSync(executable, join(work, folder, "ipvlan"));
      for (const path of documents) cpSync(at(path), join(work, folder, basename(path)), { recursive: true });
      // The same files make the same archive.
      const owner = ["--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"];
      const same = ["--sort=name", `--mtime=@${await commitTime()}`, "--use-compress-program=gzip -n"];
      await runTool("tar", [...owner, ...same, "-C", work, "-cf", unfinished, folder]);
    } finally {
      rmSync(work, { recursive: true });
    }
  };
  await runStep({
    name: shown(archive),
    inputs: [...sources, ...documentFiles],
    settings: version,
    outputs: () => [archive],
    run: () => makeInPlace(archive, pack),
  });
  return archive;
}

async function buildDebian(architecture: "amd64" | "arm64"): Promise<string> {
  const executable = await executableOf(architecture === "amd64" ? "linux-x64" : "linux-arm64");
  const file = join(output, `ipvlan-cni_${version.version}_${architecture}.deb`);
  // dpkg-deb gives its files no later time than that.
  process.env.SOURCE_DATE_EPOCH = await commitTime();
  await runStep({
    name: shown(file),
    inputs: [...sources, ...documentFiles],
    settings: version,
    outputs: () => [file],
    run: () =>
      makeInPlace(file, (unfinished) =>
        buildDebianPackage(unfinished, { architecture, version: version.version, executable }),
      ),
  });
  return file;
}

/** Of each architecture, by Docker's name, the executable. */
const imageTargets: Record<string, readonly string[]> = { amd64: ["linux-x64"], arm64: ["linux-arm64"] };

/** @param architectures that the image can be built for */
async function layOutImage(architectures: readonly string[]): Promise<string> {
  const folder = join(output, "image");
  rmSync(folder, { recursive: true, force: true });
  for (const architecture of architectures) {
    mkdirSync(join(folder, architecture), { recursive: true });
    for (const name of imageTargets[architecture] ?? []) {
      cpSync(await executableOf(name), join(folder, architecture, `ipvlan-${name}`));
    }
  }
  for (const path of ["build/kubernetes/Dockerfile", "build/install.sh", "LICENSE"]) {
    cpSync(at(path), join(folder, basename(path)));
  }
  return folder;
}

/** The time of all files, in seconds since 1970: that of the last commit. */
async function commitTime(): Promise<string> {
  return (await runTool("git", ["log", "-1", "--format=%ct"]).catch(() => "0")).trim();
}

const makers: Record<string, () => Promise<string>> = {
  ...Object.fromEntries(releaseTargets.map(({ name }) => [name, () => buildArchive(name)])),
  amd64: () => buildDebian("amd64"),
  arm64: () => buildDebian("arm64"),
  image: () => layOutImage(Object.keys(imageTargets)),
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(makers);
try {
  const unknown = wanted.filter((name) => makers[name] === undefined);
  if (unknown.length > 0) {
    throw new Error(`there is no ${unknown.join(" or ")}: there are ${Object.keys(makers).join(", ")}`);
  }
  await runStep(generateStep);
  mkdirSync(output, { recursive: true });
  // One after another: each keeps the processors busy by itself.
  for (const name of wanted) {
    const made = await makers[name]?.();
    if (made !== undefined) process.stderr.write(`release: ${shown(made)}\n`);
  }
  const files = readdirSync(output).filter((name) => /\.(tar\.gz|deb)$/.test(name));
  const sums = files.sort().map((file) => {
    const digest = createHash("sha256")
      .update(readFileSync(join(output, file)))
      .digest("hex");
    return `${digest}  ${file}\n`;
  });
  writeFileSync(join(output, "SHA256SUMS"), sums.join(""));
} catch (error) {
  process.stderr.write(`release: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
