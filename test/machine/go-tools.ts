/** Programs from the Go module proxy, for tests of real callers: built once into the cache, where Go is on the machine. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { cache } from "./paths.ts";

/**
 * @param module with its version: `github.com/containernetworking/cni/cnitool@v1.3.1`
 * @returns the program's path, or why there is none: Go is missing, or the module cannot be had
 */
export function goTool(module: string): { path: string } | { missing: string } {
  const [source, version] = module.split("@") as [string, string];
  const folder = join(cache, "go", `${basename(source)}-${version}`);
  const path = join(folder, basename(source));
  if (existsSync(path)) return { path };
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  const child = spawnSync("go", ["install", module], {
    // Without cgo it runs in any guest.
    env: { ...process.env, GOBIN: temporary, CGO_ENABLED: "0", GOFLAGS: "-trimpath" },
    encoding: "utf8",
    timeout: 240_000,
  });
  if (child.error !== undefined) return { missing: `go is not on this machine (${child.error.message})` };
  if (child.status !== 0) {
    rmSync(temporary, { recursive: true });
    return { missing: `go install ${module} failed: ${child.stderr.trim().split("\n").at(-1)}` };
  }
  try {
    renameSync(temporary, folder);
  } catch {
    rmSync(temporary, { recursive: true }); // another process was first
  }
  return { path };
}
