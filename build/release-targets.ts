import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildBunExecutable } from "./bun-executable.ts";
import { type NpmPackage, npmPackage } from "./npm-package.ts";
import { at } from "./paths.ts";
import { buildPkgExecutable } from "./pkg-executable.ts";
import type { Arch } from "./runtimes.ts";
import type { Version } from "./version.ts";

/** An executable that a release has. */
export interface ReleaseTarget {
  /** As it is in the archive's name. */
  name: string;
  build(output: string, version: Version): Promise<void>;
}

/**
 * Bun for machines that no developer's is one of: package.json does not list these packages, so that nobody installs
 * them. Their version is that of the others.
 */
const onlyForReleases: Record<string, string> = {
  "@oven/bun-linux-x64-baseline":
    "sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==",
  "@oven/bun-linux-x64-musl":
    "sha512-10QoW/YfTgnURaGEaHpJCiXjLI2e5iTtfVDaA5JKcyUzaa1cq6cVUY9/Uq5XkYzvtRjHLRe9Oj/lTDIQcxy8HQ==",
  "@oven/bun-linux-aarch64-musl":
    "sha512-XCNc+WvvMAdNNb+OWTogpy+N9wm62fkVeEVLb6how0RZhW5LPi6c7BlkeVCuWps7XjEl2saFpHFa20/1E+PAHg==",
};

function bun(name: string, packageName: string): ReleaseTarget {
  return {
    name,
    async build(output, version) {
      const folder = await npmPackage(locked(packageName));
      // Bun's name of the target: bun-linux-arm64, bun-linux-x64-musl.
      await buildBunExecutable(output, { name: `bun-${name}`, runtime: join(folder, "bin/bun") }, version);
    },
  };
}

function node(name: string, arch: Arch): ReleaseTarget {
  return {
    name,
    async build(output, version) {
      const folder = await npmPackage(locked(`node-linux-${arch}`));
      await buildPkgExecutable(output, { arch, runtime: join(folder, "bin/node") }, version);
    },
  };
}

export const releaseTargets: readonly ReleaseTarget[] = [
  bun("linux-x64", "@oven/bun-linux-x64"),
  bun("linux-x64-baseline", "@oven/bun-linux-x64-baseline"),
  bun("linux-x64-musl", "@oven/bun-linux-x64-musl"),
  bun("linux-arm64", "@oven/bun-linux-aarch64"),
  bun("linux-arm64-musl", "@oven/bun-linux-aarch64-musl"),
  node("linux-x64-node", "x64"),
  node("linux-arm64-node", "arm64"),
];

/** The package as package-lock.json has it. */
function locked(name: string): NpmPackage {
  const { packages } = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
  const { version, integrity } = packages[`node_modules/${name}`] ?? {
    version: packages["node_modules/@oven/bun-linux-x64"].version,
    integrity: onlyForReleases[name],
  };
  return { name, version, integrity };
}
