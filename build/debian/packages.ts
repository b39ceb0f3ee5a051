import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachedFolder } from "../cache.ts";
import { runTool } from "../run-tool.ts";
import { type Arch, hostArch } from "../runtimes.ts";
import { type Apt, apt, debianArch, debianRelease } from "./apt.ts";

/** Debian packages, unpacked into a folder of the cache. */
export interface PackageSet {
  readonly name: string;
  /** Default: this machine's. */
  readonly arch?: Arch;
  /** With all that they need of a bare Debian. */
  readonly packages?: readonly string[];
  /** Of what they need, these are left out. */
  readonly without?: RegExp;
  /** Without what they depend on. */
  readonly alone?: readonly string[];
  /** With manual pages, translations and copyright files; default: without. */
  readonly documents?: boolean;
  /** What is done to the unpacked files, and a number that is raised when that changes. */
  readonly finish?: (root: string, apt: Apt) => Promise<void>;
  readonly layout?: number;
}

/**
 * The root folder of the unpacked packages, which are fetched where the cache does not have them.
 * @throws Obstacle where they cannot be had
 */
export async function unpacked(set: PackageSet): Promise<string> {
  const { name, arch = hostArch, packages = [], without, alone = [], documents = false, finish, layout = 0 } = set;
  const decisive = JSON.stringify([packages, String(without), alone, documents, layout]);
  const key = createHash("sha256").update(decisive).digest("hex").slice(0, 12);
  const place = `debian/${debianRelease()}-${debianArch(arch)}/${name}-${key}`;
  const folder = await cachedFolder(place, async (unfinished) => {
    process.stderr.write(`debian: fetching packages (${name}, ${debianArch(arch)})\n`);
    const source = apt(arch);
    const root = join(unfinished, "root");
    makeMergedRoot(root);
    const archives = join(unfinished, "archives");
    if (packages.length > 0) await source.download(packages, archives, without);
    const files = await source.downloadAlone(alone, archives);
    for (const file of files) await unpack(file, root);
    writeFileSync(join(unfinished, "versions.json"), JSON.stringify(Object.fromEntries(await versions(files))));
    await finish?.(root, source);
    if (!documents) for (const junk of ["doc", "man", "locale", "lintian"]) remove(join(root, "usr/share", junk));
    remove(archives);
  });
  return join(folder, "root");
}

/** The version of one of the packages that were unpacked into a root folder. */
export function versionIn(root: string, name: string): string {
  const version = JSON.parse(readFileSync(join(root, "../versions.json"), "utf8"))[name];
  if (version === undefined) throw new Error(`${root} has no package ${name}`);
  return version;
}

/** Unpacks a package into a merged-/usr tree. `dpkg-deb -x` would put a folder where the tree has the link /bin or /lib. */
export async function unpack(file: string, root: string): Promise<void> {
  const pipe = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --no-same-owner -C "$2"';
  await runTool("sh", ["-c", pipe, "sh", file, root]);
}

async function versions(files: readonly string[]): Promise<[string, string][]> {
  const fields = await Promise.all(files.map((file) => runTool("dpkg-deb", ["--field", file, "Package", "Version"])));
  return fields.map((text) => [/^Package: (.*)$/m.exec(text)?.[1] ?? "", /^Version: (.*)$/m.exec(text)?.[1] ?? ""]);
}

/** Makes /bin, /lib and so on the links that they are on a merged-/usr host. */
function makeMergedRoot(root: string): void {
  mkdirSync(root, { recursive: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(root, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
}

const remove = (path: string): void => rmSync(path, { recursive: true, force: true });
