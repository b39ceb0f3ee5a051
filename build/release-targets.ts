import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Component } from "./components.ts";
import { buildNativeExecutable } from "./native-executable.ts";
import { type NpmPackage, npmPackage } from "./npm-package.ts";
import { at } from "./paths.ts";
import { buildPkgExecutable } from "./pkg-executable.ts";
import type { Arch } from "./runtimes.ts";
import type { Version } from "./version.ts";

/** An executable that a release has. */
export interface ReleaseTarget {
  /** As it is in the archive's name. */
  name: string;
  /** @returns what of others is in it */
  build(output: string, version: Version): Promise<Component[]>;
}

const native = (arch: Arch): ReleaseTarget => ({
  name: `linux-${arch}`,
  build: (output, version) => buildNativeExecutable(output, arch, version),
});

const node = (arch: Arch): ReleaseTarget => ({
  name: `linux-${arch}-node`,
  async build(output, version) {
    const folder = await npmPackage(locked(`node-linux-${arch}`));
    return buildPkgExecutable(output, { arch, runtime: join(folder, "bin/node") }, version);
  },
});

export const releaseTargets: readonly ReleaseTarget[] = [native("x64"), native("arm64"), node("x64"), node("arm64")];

/** The package as package-lock.json has it. */
function locked(name: string): NpmPackage {
  const { packages } = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
  const { version, integrity } = packages[`node_modules/${name}`];
  return { name, version, integrity };
}
