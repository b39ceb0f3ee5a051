import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachedFolder } from "./cache.ts";
import { runTool } from "./run-tool.ts";
import { hasProgram } from "./system-packages.ts";

/**
 * A package of Debian's for another architecture, unpacked into the cache: nothing is installed, and the host's apt does not
 * get to know that architecture.
 * @param name a package without what it depends on
 * @returns the folder
 */
export function foreignPackage(name: string, architecture: "arm64"): Promise<string> {
  return cachedFolder(`debian-${architecture}/${name}`, async (folder) => {
    if (!hasProgram("apt-get"))
      throw new Error(`${name} for ${architecture} comes from Debian, and there is no apt-get`);
    process.stderr.write(`build: fetching ${name} for ${architecture}\n`);
    const state = join(folder, "apt");
    mkdirSync(join(state, "lists/partial"), { recursive: true });
    writeFileSync(join(state, "status"), "");
    const options = [
      `APT::Architecture=${architecture}`,
      `APT::Architectures::=${architecture}`,
      `Dir::State=${state}`,
      `Dir::State::lists=${state}/lists`,
      `Dir::State::status=${state}/status`,
      `Dir::Cache::pkgcache=`,
      `Dir::Cache::srcpkgcache=`,
      "Debug::NoLocking=1",
      "APT::Sandbox::User=root",
      "Acquire::Retries=3",
    ].flatMap((option) => ["-o", option]);
    await runTool("apt-get", [...options, "-qq", "update"]);
    await runTool("sh", ["-c", 'cd "$0" && exec apt-get "$@"', state, ...options, "-qq", "download", name]);
    const file = readdirSync(state).find((entry) => entry.endsWith(".deb"));
    await runTool("dpkg-deb", ["-x", join(state, file as string), folder]);
    await runTool("rm", ["-r", state]);
  });
}
