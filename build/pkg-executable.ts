import { dirname, join } from "node:path";
import { bundle } from "./bundle.ts";
import { makeInPlace } from "./new-file.ts";
import { at } from "./paths.ts";
import { runTool } from "./run-tool.ts";
import { type Arch, hostArch, nodeBinary } from "./runtimes.ts";
import type { Version } from "./version.ts";

export interface NodeTarget {
  arch: Arch;
  /** The Node binary that becomes the executable. */
  runtime: string;
}

export const hostNodeTarget: NodeTarget = { arch: hostArch, runtime: nodeBinary(hostArch) };

/** An executable of Node and the program as one bundled ES module, packaged by pkg as a single executable application. */
export async function buildPkgExecutable(output: string, target: NodeTarget, version: Version): Promise<void> {
  await makeInPlace(output, async (unfinished) => {
    const [file] = await bundle(join(dirname(unfinished), "bundle"), "node", version);
    // pkg prints its progress; in a process of its own that stays out of ours.
    const words = [at("build/package-with-pkg.ts"), file as string, unfinished, target.arch, target.runtime];
    await runTool(nodeBinary(hostArch), words);
  });
}
