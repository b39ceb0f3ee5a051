// npm run release [-- NAME...]: in dist/release the archives, the Debian packages, the image for Kubernetes, a bill of
// materials for each, and their checksums.
//
//   npm run release                   all
//   npm run release -- linux-x64 amd64
//                                     some: linux-* are archives, amd64 and arm64 Debian packages, image is the image
//
// Everything comes from this checkout, npm's packages and Debian's. The same commit makes the same files on every machine with
// the same Debian release: nothing in them depends on the time, the place or who makes them.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Component, thirdPartyText } from "./components.ts";
import { buildDebianPackage } from "./debian-package.ts";
import { archiveLayout, documentInputs, layOutDocuments } from "./documents.ts";
import { generateStep } from "./generate.ts";
import { runStep } from "./incremental.ts";
import { makeInPlace } from "./new-file.ts";
import { buildImage, type ImagePlatform, libraryComponents } from "./oci-image.ts";
import { packCompressed } from "./packing.ts";
import { at, shown } from "./paths.ts";
import { type ReleaseTarget, releaseTargets, storeProgram } from "./release-targets.ts";
import { runTool } from "./run-tool.ts";
import type { Arch } from "./runtimes.ts";
import { type Part, sbom } from "./sbom.ts";
import { readVersion } from "./version.ts";

const version = readVersion();
const output = at("dist/release");
const sources = ["src/**/*.{ts,js,c,h}", "schemas/**/*.json"];
const inputs = [...sources, ...documentInputs];
const archs: readonly Arch[] = ["x64", "arm64"];

interface Executable {
  readonly path: string;
  /** What of others is in it. */
  readonly components: readonly Component[];
}

/** The executable for a target, built if it is not there. */
async function executableOf(target: ReleaseTarget): Promise<Executable> {
  const folder = join(output, ".executables", target.name);
  const path = join(folder, target.program);
  const list = join(folder, "components.json");
  await runStep({
    name: `dist/release/${target.name}`,
    inputs: sources,
    settings: version,
    outputs: () => [path, list],
    run: async () => writeFileSync(list, JSON.stringify(await target.build(path, version))),
  });
  return { path, components: JSON.parse(readFileSync(list, "utf8")) };
}

/** The programs of a release for one machine. */
interface Programs {
  readonly plugin: string;
  readonly store: string;
  /** What of others is in either. */
  readonly components: readonly Component[];
}

/** @param name the plugin's target */
async function programsOf(name: string): Promise<Programs> {
  const target = releaseTargets.find((target) => target.name === name);
  if (target === undefined) throw new Error(`there is no target ${name}`);
  const plugin = await executableOf(target);
  const store = await executableOf(storeProgram(target.arch));
  return { plugin: plugin.path, store: store.path, components: union(plugin.components, store.components) };
}

const union = (...lists: (readonly Component[])[]): Component[] => [
  ...new Map(lists.flat().map((component) => [component.purl, component])).values(),
];

/** @param file what is described */
const describe = (
  name: string,
  file: string,
  components: readonly Component[],
  time: number,
  parts: readonly Part[] = [],
): string => sbom({ name, ...version, sha256: sha256(file), time, parts, components });

const describePrograms = (name: string, { plugin, store, components }: Programs, time: number): string =>
  describe(name, plugin, components, time, [{ name: "ipvlan-node", sha256: sha256(store) }]);

async function buildArchive(name: string): Promise<string[]> {
  const programs = await programsOf(name);
  const time = await commitTime();
  const folder = `ipvlan-cni-${version.version}-${name}`;
  const archive = join(output, `${folder}.tar.gz`);
  const bill = join(output, `${folder}.cdx.json`);
  const packIt = async (unfinished: string) => {
    const work = mkdtempSync(join(output, ".archive-"));
    try {
      mkdirSync(join(work, folder));
      cpSync(programs.plugin, join(work, folder, "ipvlan"));
      cpSync(programs.store, join(work, folder, "ipvlan-node"));
      layOutDocuments(join(work, folder), archiveLayout);
      writeFileSync(join(work, folder, "THIRD-PARTY.txt"), thirdPartyText(programs.components));
      writeFileSync(join(work, folder, "sbom.cdx.json"), readFileSync(bill));
      await packCompressed(work, [folder], unfinished, time);
    } finally {
      rmSync(work, { recursive: true });
    }
  };
  await runStep({
    name: shown(archive),
    inputs,
    settings: [version, time],
    outputs: () => [archive, bill],
    async run() {
      writeFileSync(bill, describePrograms(folder, programs, time));
      await makeInPlace(archive, packIt);
    },
  });
  return [archive, bill];
}

async function buildDebian(architecture: "amd64" | "arm64"): Promise<string[]> {
  const name = architecture === "amd64" ? "linux-x64" : "linux-arm64";
  const programs = await programsOf(name);
  const time = await commitTime();
  const file = join(output, `ipvlan-cni_${version.version}_${architecture}.deb`);
  const bill = describePrograms(`ipvlan-cni_${version.version}_${architecture}`, programs, time);
  await runStep({
    name: shown(file),
    inputs,
    settings: [version, time],
    outputs: () => [file],
    run: () =>
      makeInPlace(file, (unfinished) =>
        buildDebianPackage(unfinished, {
          architecture,
          version: version.version,
          executables: [programs.plugin, programs.store],
          components: programs.components,
          sbom: bill,
          time,
        }),
      ),
  });
  return [file];
}

async function buildKubernetesImage(): Promise<string[]> {
  const platforms: ImagePlatform[] = [];
  for (const arch of archs) {
    const { plugin, store, components } = await programsOf(`linux-${arch}`);
    const all = [...components, ...(await libraryComponents(arch))];
    platforms.push({ arch, executables: [plugin, store], components: all });
  }
  const time = await commitTime();
  const name = `ipvlan-cni-${version.version}-image`;
  const file = join(output, `${name}.tar`);
  const bill = join(output, `${name}.cdx.json`);
  await runStep({
    name: shown(file),
    inputs,
    settings: [version, time],
    outputs: () => [file, bill],
    async run() {
      const image = { name: `ipvlan-cni:${version.version}`, version: version.version, time, platforms };
      await makeInPlace(file, (unfinished) => buildImage(unfinished, image));
      const all = new Map(platforms.flatMap(({ components }) => components).map((one) => [one.purl, one]));
      writeFileSync(bill, describe(name, file, [...all.values()], time));
    },
  });
  return [file, bill];
}

/** The time of all files, in seconds since 1970: that of the last commit. */
async function commitTime(): Promise<number> {
  return Number(await runTool("git", ["log", "-1", "--format=%ct"]).catch(() => "0"));
}

const sha256 = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

const makers: Record<string, () => Promise<string[]>> = {
  ...Object.fromEntries(releaseTargets.map(({ name }) => [name, () => buildArchive(name)])),
  amd64: () => buildDebian("amd64"),
  arm64: () => buildDebian("arm64"),
  image: buildKubernetesImage,
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
    for (const made of (await makers[name]?.()) ?? []) process.stderr.write(`release: ${shown(made)}\n`);
  }
  const files = readdirSync(output).filter(
    (name) => /\.(tar(\.gz)?|deb|cdx\.json)$/.test(name) && isOfThisVersion(name),
  );
  writeFileSync(
    join(output, "SHA256SUMS"),
    files
      .sort()
      .map((file) => `${sha256(join(output, file))}  ${file}\n`)
      .join(""),
  );
} catch (error) {
  process.stderr.write(`release: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/** What an earlier version has left in the folder is no part of this one's. */
function isOfThisVersion(name: string): boolean {
  return name.startsWith(`ipvlan-cni-${version.version}-`) || name.startsWith(`ipvlan-cni_${version.version}_`);
}
