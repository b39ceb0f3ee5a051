import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { at, root } from "./paths.ts";
import { runTool } from "./run-tool.ts";

export interface NpmPackage {
  name: string;
  version: string;
  /** The registry's words for it: sha512- and the archive's digest. What differs from it is not used. */
  integrity: string;
}

/** What `npm ci` leaves alone since it is only for releases. May be deleted. */
const cache = resolve(process.env.IPVLAN_CNI_CACHE || join(root, ".cache"), "release");

/** The folder of a package, which npm fetches where it is neither installed nor in the cache. Nothing of it is run. */
export async function npmPackage({ name, version, integrity }: NpmPackage): Promise<string> {
  const installed = at("node_modules", name);
  if (existsSync(installed)) return installed;
  const folder = join(cache, `${name.replaceAll(/[@/]+/g, "-").replace(/^-/, "")}-${version}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    process.stderr.write(`release: fetching ${name} ${version}\n`);
    await runTool("npm", ["pack", "--silent", `--pack-destination=${unfinished}`, `${name}@${version}`]);
    const archive = join(unfinished, readdirSync(unfinished)[0] as string);
    const digest = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (digest !== integrity) throw new Error(`${name} ${version} is not the one of ${integrity}: it has ${digest}`);
    execFileSync("tar", ["-xzf", archive, "-C", unfinished]);
    if (!existsSync(folder)) renameSync(join(unfinished, "package"), folder);
    return folder;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
