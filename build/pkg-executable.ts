import { dirname, join } from "node:path";
import { makeInPlace } from "./new-file.ts";
import { at } from "./paths.ts";
import { runTool } from "./run-tool.ts";
import { type Arch, bunBinary, hostArch, nodeBinary } from "./runtimes.ts";
import { type Version, versionFlags } from "./version.ts";

export interface NodeTarget {
  arch: Arch;
  /** The Node binary that becomes the executable. */
  runtime: string;
}

export const hostNodeTarget: NodeTarget = { arch: hostArch, runtime: nodeBinary(hostArch) };

/** An executable of Node and the program as one bundled ES module, packaged by pkg as a single executable application. */
export async function buildPkgExecutable(output: string, target: NodeTarget, version: Version): Promise<void> {
  await makeInPlace(output, async (unfinished) => {
    const bundle = join(dirname(unfinished), "ipvlan.mjs");
    await runTool(bunBinary(hostArch), [
      "build",
      at("src/main.ts"),
      "--target=node",
      "--format=esm",
      "--minify",
      "--reject-unresolved",
      ...versionFlags(version),
      `--outfile=${bundle}`,
    ]);
    // pkg prints its progress; in a process of its own that stays out of ours.
    const words = [at("build/package-with-pkg.ts"), bundle, unfinished, target.arch, target.runtime];
    await runTool(nodeBinary(hostArch), words);
  });
}
