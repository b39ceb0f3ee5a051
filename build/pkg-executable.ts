import { dirname, join } from "node:path";
import { bundle, type Program } from "./bundle.ts";
import { type Component, npmComponent, npmComponents } from "./components.ts";
import { hideEnvironment } from "./hidden-environment.ts";
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

/** The program that asks the store of a cluster's pool. */
export const nodeProgram: Program = {
  entry: at("src/node/main.ts"),
  // Of the libraries in it some are CommonJS, and ask for Node's modules at run time.
  banner: 'import { createRequire } from "node:module"; const require = createRequire("/");',
};

/**
 * An executable of Node and the program as one bundled ES module, packaged by pkg as a single executable application.
 * @returns what of others is in it
 */
export async function buildPkgExecutable(
  output: string,
  target: NodeTarget,
  version: Version,
  program: Program = {},
): Promise<Component[]> {
  let components: Component[] = [];
  await makeInPlace(output, async (unfinished) => {
    const { files, inputs } = await bundle(join(dirname(unfinished), "bundle"), "node", version, program);
    components = [
      npmComponent(`node-linux-${target.arch}`, dirname(dirname(target.runtime))),
      ...npmComponents(inputs),
    ];
    // pkg prints its progress; in a process of its own that stays out of ours.
    const words = [at("build/package-with-pkg.ts"), files[0] as string, unfinished, target.arch, target.runtime];
    await runTool(nodeBinary(hostArch), words);
    hideEnvironment(unfinished, target.arch);
  });
  return components;
}
