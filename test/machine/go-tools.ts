/** Programs from the Go module proxy, for tests of real callers: built once into the cache, where Go is on the machine. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { cache } from "./paths.ts";

/** A program's or folder's path, or why there is none: Go is missing, or the module cannot be had. */
export type GoResult = { path: string } | { missing: string };

/** @param program with its version: `github.com/containernetworking/cni/cnitool@v1.3.1` */
export function goTool(program: string): GoResult {
  const [source, version] = program.split("@") as [string, string];
  const name = basename(source);
  const folder = goTools([source], version, `${name}-${version}`);
  return "missing" in folder ? folder : { path: join(folder.path, name) };
}

/**
 * Several programs of one module in one folder, built together.
 * @param name of the folder, by which they are found again
 */
export function goTools(sources: readonly string[], version: string, name: string): GoResult {
  const folder = join(cache, "go", name);
  if (sources.every((source) => existsSync(join(folder, basename(source))))) return { path: folder };
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  const programs = sources.map((source) => `${source}@${version}`);
  const child = spawnSync("go", ["install", ...programs], {
    // Without cgo it runs in any guest.
    env: { ...process.env, GOBIN: temporary, CGO_ENABLED: "0", GOFLAGS: "-trimpath" },
    encoding: "utf8",
    timeout: 480_000,
  });
  if (child.error !== undefined) return { missing: `go is not on this machine (${child.error.message})` };
  if (child.status !== 0) {
    rmSync(temporary, { recursive: true });
    return { missing: `go install ${programs.join(" ")} failed: ${child.stderr.trim().split("\n").at(-1)}` };
  }
  try {
    renameSync(temporary, folder);
  } catch {
    rmSync(temporary, { recursive: true }); // another process was first
  }
  return { path: folder };
}
