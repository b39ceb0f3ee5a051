import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Component } from "./components.ts";
import { buildNativeExecutable } from "./native-executable.ts";
import { type NpmPackage, npmPackage } from "./npm-package.ts";
import { at } from "./paths.ts";
import { buildPkgExecutable, type NodeTarget, nodeProgram } from "./pkg-executable.ts";
import type { Arch } from "./runtimes.ts";
import type { Version } from "./version.ts";

/** An executable that a release has. */
export interface ReleaseTarget {
  /** Of the plugin's: as it is in the archive's name. */
  name: string;
  arch: Arch;
  /** The executable's own name. */
  program: "ipvlan" | "ipvlan-node";
  /** @returns what of others is in it */
  build(output: string, version: Version): Promise<Component[]>;
}

const native = (arch: Arch): ReleaseTarget => ({
  name: `linux-${arch}`,
  arch,
  program: "ipvlan",
  build: (output, version) => buildNativeExecutable(output, arch, version),
});

const node = (arch: Arch): ReleaseTarget => ({
  name: `linux-${arch}-node`,
  arch,
  program: "ipvlan",
  build: async (output, version) => buildPkgExecutable(output, await nodeTarget(arch), version),
});

/** The program that asks the store of a cluster's pool: beside every plugin. */
export const storeProgram = (arch: Arch): ReleaseTarget => ({
  name: `ipvlan-node-${arch}`,
  arch,
  program: "ipvlan-node",
  build: async (output, version) => buildPkgExecutable(output, await nodeTarget(arch), version, nodeProgram),
});

/** The plugin's, one an archive. */
export const releaseTargets: readonly ReleaseTarget[] = [native("x64"), native("arm64"), node("x64"), node("arm64")];

async function nodeTarget(arch: Arch): Promise<NodeTarget> {
  return { arch, runtime: join(await npmPackage(locked(`node-linux-${arch}`)), "bin/node") };
}

/** The package as package-lock.json has it. */
function locked(name: string): NpmPackage {
  const { packages } = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
  const { version, integrity } = packages[`node_modules/${name}`];
  return { name, version, integrity };
}
