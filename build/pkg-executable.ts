import { dirname, join } from "node:path";
import { makeInPlace } from "./new-file.ts";
import { at } from "./paths.ts";
import { runTool } from "./run-tool.ts";
import { bunBinary, hostArch, nodeBinary } from "./runtimes.ts";
import { type Version, versionFlags } from "./version.ts";

/** An executable of Node and the program as one bundled ES module, packaged by pkg as a single executable application. */
export async function buildPkgExecutable(output: string, version: Version): Promise<void> {
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
    await runTool(nodeBinary(hostArch), [at("build/package-with-pkg.ts"), bundle, unfinished, hostArch]);
  });
}
