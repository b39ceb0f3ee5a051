/**
 * Debian packages without installing them.
 *
 * Only apt's simulation and `apt-get download` are used: nothing of the host's package database, caches or locks is
 * written, and root is not needed.
 */

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cache } from "./paths.ts";
import { findProgram, must, progress, run } from "./process.ts";

/** Options that keep apt from writing its caches, taking locks and changing to its own user (who cannot write here). */
const quietly = [
  ["Dir::Cache::pkgcache", ""],
  ["Dir::Cache::srcpkgcache", ""],
  ["Debug::NoLocking", "1"],
  ["APT::Sandbox::User", "root"],
  ["APT::Install-Recommends", "0"],
  ["Acquire::Retries", "3"],
];

/** Own package index, for hosts whose index is empty or outdated. Undefined: the host's index. */
let ownIndex: string | undefined;

function options(): string[] {
  const all = ownIndex === undefined ? quietly : [...quietly, ["Dir::State::lists", ownIndex]];
  return all.flatMap(([key, value]) => ["-o", `${key}=${value}`]);
}

/** The Debian name of this machine's architecture. */
export async function architecture(): Promise<string> {
  requireApt();
  return (await must("dpkg", ["--print-architecture"])).toString().trim();
}

/** Downloads `names` and everything they need that is not installed here into `folder`; returns the files' paths. */
export async function download(names: readonly string[], folder: string): Promise<string[]> {
  return fetchAll(folder, () => closure(names));
}

/** Downloads `names` without what they depend on; returns the files' paths. */
export async function downloadAlone(names: readonly string[], folder: string): Promise<string[]> {
  return fetchAll(folder, async () => {
    await ensureKnown(names);
    return [...names];
  });
}

async function fetchAll(folder: string, list: () => Promise<string[]>): Promise<string[]> {
  requireApt();
  mkdirSync(folder, { recursive: true });
  const attempt = async () => {
    // Before the options, which it may change.
    const wanted = await list();
    return run("apt-get", [...options(), "download", ...wanted], { cwd: folder });
  };
  let result = await attempt();
  if (result.code !== 0 && ownIndex === undefined) {
    // An index from before the last point release names files that the mirror has no more.
    await updateOwnIndex();
    result = await attempt();
  }
  if (result.code !== 0) {
    throw new Error(`cannot download packages: ${result.stderr.trim()}`);
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith(".deb"))
    .map((name) => join(folder, name));
}

/** The package that a meta package such as linux-image-amd64 stands for now. */
export async function realPackage(meta: string, prefix: string): Promise<string> {
  await ensureKnown([meta]);
  const lines = (await must("apt-cache", [...options(), "depends", meta])).toString().split("\n");
  const real = lines.map((line) => line.match(/Depends: (\S+)/)?.[1]).find((name) => name?.startsWith(prefix));
  if (real === undefined) {
    throw new Error(`apt-cache depends ${meta} names no ${prefix}* package`);
  }
  return real;
}

/** `name=version` of all packages that installing `names` would bring. */
async function closure(names: readonly string[]): Promise<string[]> {
  await ensureKnown(names);
  const simulated = await must("apt-get", [...options(), "--simulate", "--yes", "--no-upgrade", "install", ...names]);
  // Inst name [installed version] (version archive [architecture])
  const found = simulated.toString().matchAll(/^Inst (\S+) (?:\[\S*\] )?\((\S+)/gm);
  return [...found].map(([, name, version]) => `${name}=${version}`);
}

/** Makes sure that apt knows the packages, with an index of our own if the host's does not have them. */
async function ensureKnown(names: readonly string[]): Promise<void> {
  let unknown = await unknownOf(names);
  if (unknown.length > 0 && ownIndex === undefined) {
    await updateOwnIndex();
    unknown = await unknownOf(names);
  }
  if (unknown.length > 0) {
    throw new Error(
      `the test machine needs packages that apt does not find: ${unknown.join(" ")}\n` +
        'Debian\'s "main" archive has them. With it in the sources: ' +
        `apt-get update && apt-get install ${unknown.join(" ")}`,
    );
  }
}

async function unknownOf(names: readonly string[]): Promise<string[]> {
  const policy = (await run("apt-cache", [...options(), "policy", ...names])).stdout.toString();
  const known = new Set([...policy.matchAll(/^(\S+):\n.*\n {2}Candidate: (?!\(none\))/gm)].map(([, name]) => name));
  return names.filter((name) => !known.has(name));
}

async function updateOwnIndex(): Promise<void> {
  ownIndex = join(cache, "apt-lists");
  mkdirSync(join(ownIndex, "partial"), { recursive: true });
  progress("reading the package index (apt-get update, into the cache)");
  // Not checked: one source of the host that cannot be reached does not mean that ours is missing.
  await run("apt-get", [...options(), "update"]);
}

function requireApt(): void {
  if (findProgram("apt-get") === undefined || findProgram("dpkg-deb") === undefined) {
    throw new Error(
      "the test machine is put together from Debian's packages, and this host has no apt-get. " +
        "Run the kernel tests as root on a kernel that has ipvlan, dummy, 8021q, veth and bridge, or on Debian.",
    );
  }
}
