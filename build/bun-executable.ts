import { closeEnvironmentSwitches } from "./environment-switches.ts";
import { makeInPlace } from "./new-file.ts";
import { at } from "./paths.ts";
import { runTool } from "./run-tool.ts";
import { bunBinary, hostArch } from "./runtimes.ts";
import { type Version, versionFlags } from "./version.ts";

export interface BunTarget {
  /** Bun's name of the target, `bun-linux-x64`. */
  name: string;
  /** The Bun binary that becomes the executable. */
  runtime: string;
}

export const hostBunTarget: BunTarget = { name: `bun-linux-${hostArch}`, runtime: bunBinary(hostArch) };

/**
 * An executable of Bun and the program's bytecode.
 * @param program another one than the plugin, or with other conditions of package.json's imports
 */
export async function buildBunExecutable(
  output: string,
  target: BunTarget,
  version: Version,
  program: { entry?: string; conditions?: readonly string[] } = {},
): Promise<void> {
  const { entry = at("src/main.ts"), conditions = [] } = program;
  await makeInPlace(output, async (unfinished) => {
    await runTool(bunBinary(hostArch), [
      "build",
      entry,
      "--compile",
      `--target=${target.name}`,
      `--compile-executable-path=${target.runtime}`,
      "--bytecode",
      "--minify",
      // As an ES module 1 % less than as CommonJS, which is the default with bytecode.
      "--format=esm",
      // A hundred times as many calls until something is compiled to machine code: a usual call of the plugin ends before
      // that pays, and with the default one thread is started for it, 0.3 ms. Reading a large folder gets there still.
      "--compile-jit-policy=100",
      // A plugin runs as root in whatever folder its caller is in: no file of that folder may matter.
      "--no-compile-autoload-dotenv",
      "--no-compile-autoload-bunfig",
      "--no-compile-autoload-tsconfig",
      "--no-compile-autoload-package-json",
      "--reject-unresolved",
      ...conditions.map((condition) => `--conditions=${condition}`),
      ...versionFlags(version),
      `--outfile=${unfinished}`,
    ]);
    closeEnvironmentSwitches(unfinished);
  });
}
