/**
 * Debian's packages without installing them, of this machine's architecture or another one.
 *
 * Only simulations and downloads: nothing of the host's package database, caches or locks is written, root is not needed, and
 * what is installed on the host, or gets installed meanwhile, makes no difference.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachePath } from "../cache.ts";
import { locked } from "../lock.ts";
import { Obstacle } from "../obstacle.ts";
import { hasProgram } from "../programs.ts";
import { runTool } from "../run-tool.ts";
import { type Arch, hostArch } from "../runtimes.ts";

/** Debian's name of an architecture. */
export const debianArch = (arch: Arch): "amd64" | "arm64" => (arch === "x64" ? "amd64" : "arm64");

export interface Apt {
  /** What {@link download} brings, each as `name=version`. */
  list(names: readonly string[], without?: RegExp): Promise<string[]>;
  /**
   * Downloads packages and all that they need of a bare Debian (its essential packages are there), but for those whose
   * names match `without`.
   * @returns the files' paths
   */
  download(names: readonly string[], folder: string, without?: RegExp): Promise<string[]>;
  /** Downloads packages without what they depend on; returns the files' paths. */
  downloadAlone(names: readonly string[], folder: string): Promise<string[]>;
  /** The package that a meta package such as linux-image-amd64 stands for now. */
  realPackage(meta: string, prefix: string): Promise<string>;
}

/** Debian's release, such as `debian-bookworm`: the packages of another one are others. */
export function debianRelease(): string {
  const file = "/etc/os-release";
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(text)?.[1];
  return `${value("ID") ?? "unknown"}-${value("VERSION_CODENAME") ?? value("VERSION_ID") ?? "rolling"}`;
}

/** @throws Obstacle where this is no Debian, or the packages cannot be had */
export function apt(arch: Arch = hostArch): Apt {
  if (!["apt-get", "apt-cache", "dpkg-deb"].every(hasProgram)) {
    throw new Obstacle(
      "this needs Debian's packages, and the machine has no apt-get: use Debian, in a container or a virtual machine where need be",
    );
  }
  const state = cachePath("apt", `${debianRelease()}-${debianArch(arch)}`);
  mkdirSync(state, { recursive: true });
  // The host has one of its own architecture at most.
  let ownIndex = arch === hostArch && hostHasIndex() ? undefined : join(state, "lists");
  const nothing = join(state, "nothing-installed");
  writeFileSync(nothing, "");

  /** Keeps apt from writing the host's caches, taking locks and changing to its own user, who cannot write here. */
  const options = (status: string): string[] =>
    [
      "Dir::Cache::pkgcache=",
      "Dir::Cache::srcpkgcache=",
      `Dir::State::status=${status}`,
      `Dir::State::extended_states=${nothing}`,
      "Debug::NoLocking=1",
      "APT::Sandbox::User=root",
      "APT::Install-Recommends=0",
      "Acquire::Retries=3",
      `APT::Architecture=${debianArch(arch)}`,
      `APT::Architectures::=${debianArch(arch)}`,
      ...(ownIndex === undefined ? [] : [`Dir::State::lists=${ownIndex}`]),
    ].flatMap((option) => ["-o", option]);

  async function updateOwnIndex(): Promise<void> {
    const lists = join(state, "lists");
    ownIndex = lists;
    await locked(lists, async () => {
      mkdirSync(join(lists, "partial"), { recursive: true });
      say(`reading the package index of ${debianArch(arch)} (apt-get update, into the cache)`);
      // One source of the host that cannot be reached does not mean that ours is missing.
      await runTool("apt-get", [...options(nothing), "-qq", "update"]).catch(() => {});
    });
  }

  async function unknownOf(names: readonly string[]): Promise<string[]> {
    const policy = await runTool("apt-cache", [...options(nothing), "policy", ...names]).catch(() => "");
    const known = new Set([...policy.matchAll(/^(\S+):\n.*\n {2}Candidate: (?!\(none\))/gm)].map(([, name]) => name));
    return names.filter((name) => !known.has(name));
  }

  /** Makes sure that apt knows the packages, with an index of our own if the host's does not have them. */
  async function ensureKnown(names: readonly string[]): Promise<void> {
    let unknown = await unknownOf(names);
    if (unknown.length > 0) {
      await updateOwnIndex();
      unknown = await unknownOf(names);
    }
    if (unknown.length === 0) return;
    throw new Obstacle(
      `apt finds no ${unknown.join(", ")} for ${debianArch(arch)}: Debian's "main" archive has it, in the sources below /etc/apt and reachable`,
    );
  }

  /** `name=version` of all that installing `names` brings where `status` says what is installed. */
  async function closure(names: readonly string[], status: string): Promise<string[]> {
    const words = ["--simulate", "--yes", "install", ...names];
    const simulated = await runTool("apt-get", [...options(status), ...words]);
    // Inst name [installed version] (version archive [architecture])
    return [...simulated.matchAll(/^Inst (\S+) (?:\[\S*\] )?\((\S+)/gm)].map(
      ([, name, version]) => `${name}=${version}`,
    );
  }

  let bare: Promise<string> | undefined;
  const bareDebian = (): Promise<string> => {
    bare ??= makeBareDebian();
    return bare;
  };

  /** A package database in which a bare Debian is installed: what every Debian machine has, whatever else is on this one. */
  async function makeBareDebian(): Promise<string> {
    const file = join(state, "bare-debian");
    const stanzas = async (...words: string[]) =>
      (await runTool("apt-cache", [...options(nothing), ...words])).split(/\n\n+/).filter((text) => text.trim() !== "");
    const nameOf = (stanza: string): string => /^Package: (\S+)$/m.exec(stanza)?.[1] ?? "";
    const essential = (await stanzas("dumpavail")).filter((stanza) => /^Essential: yes$/m.test(stanza)).map(nameOf);
    const installed = new Map<string, string>();
    for (const stanza of await stanzas("show", ...(await closure([...new Set(essential), "apt"], nothing)))) {
      installed.set(nameOf(stanza), `${stanza.trim()}\nStatus: install ok installed\n`);
    }
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, [...installed.values()].join("\n"));
    renameSync(unfinished, file);
    return file;
  }

  async function list(names: readonly string[], without?: RegExp): Promise<string[]> {
    if (names.length === 0) return [];
    const attempt = async () => closure(names, await bareDebian());
    const all = await attempt().catch(async () => {
      // Mostly since the host has no index.
      await ensureKnown(names);
      bare = undefined;
      return attempt();
    });
    return all.filter((name) => without === undefined || !without.test(name));
  }

  async function fetchAll(folder: string, list: () => Promise<string[]>): Promise<string[]> {
    mkdirSync(folder, { recursive: true });
    const attempt = async () => {
      // Before the options, which it may change.
      const wanted = await list();
      // apt takes an empty list for a mistake.
      if (wanted.length === 0) return;
      await runTool("apt-get", [...options(nothing), "-qq", "download", ...wanted], { cwd: folder });
    };
    try {
      await attempt();
    } catch (error) {
      if (error instanceof Obstacle) throw error;
      // An index from before the last point release names files that the mirror has no more.
      await updateOwnIndex();
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      await attempt().catch((again) => {
        throw again instanceof Obstacle ? again : new Obstacle(`Debian's packages cannot be fetched: ${again.message}`);
      });
    }
    return readdirSync(folder)
      .filter((name) => name.endsWith(".deb"))
      .map((name) => join(folder, name));
  }

  return {
    list,
    download: (names, folder, without) => fetchAll(folder, () => list(names, without)),
    async downloadAlone(names, folder) {
      return fetchAll(folder, async () => {
        if (names.length > 0) await ensureKnown(names);
        return [...names];
      });
    },
    async realPackage(meta, prefix) {
      await ensureKnown([meta]);
      const lines = (await runTool("apt-cache", [...options(nothing), "depends", meta])).split("\n");
      const real = lines.map((line) => line.match(/Depends: (\S+)/)?.[1]).find((name) => name?.startsWith(prefix));
      if (real === undefined) throw new Obstacle(`apt-cache depends ${meta} names no ${prefix}* package`);
      return real;
    },
  };
}

function hostHasIndex(): boolean {
  const lists = "/var/lib/apt/lists";
  return existsSync(lists) && readdirSync(lists).some((name) => name.includes("_Packages"));
}

/** One line on stderr, so that whoever waits knows what for. */
function say(line: string): void {
  process.stderr.write(`debian: ${line}\n`);
}
