import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Whether a program is on PATH. */
export function hasProgram(name: string): boolean {
  return (process.env.PATH ?? "").split(":").some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}

/**
 * Makes sure that a program of Debian's is there: installs its packages where that can be done.
 * @throws Error that says what to install by hand
 */
export function requireProgram(name: string, packages: readonly string[], why: string): void {
  if (hasProgram(name)) return;
  const words = packages.join(" ");
  if (process.getuid?.() !== 0 || !hasProgram("apt-get")) {
    throw new Error(`${name} is needed ${why} (Debian: apt-get install ${words})`);
  }
  process.stderr.write(`build: apt-get install ${words} (${name} is needed ${why})\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // Another apt may be at work: wait for its lock.
  const apt = (...options: string[]) =>
    execFileSync("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=300", ...options], { env, stdio: ["ignore", 2, 2] });
  apt("update");
  apt("install", "-y", "--no-install-recommends", ...packages);
  if (!hasProgram(name)) throw new Error(`apt-get install ${words} brought no ${name}`);
}
