// npm run build [-- native | pkg]: the validators and types from the schemas, then the executables for this machine.
// What is up to date is not built again.
import { generateStep } from "./generate.ts";
import { runStep } from "./incremental.ts";
import { buildNativeExecutable } from "./native-executable.ts";
import { at } from "./paths.ts";
import { buildPkgExecutable, hostNodeTarget } from "./pkg-executable.ts";
import { hostArch } from "./runtimes.ts";
import { readVersion } from "./version.ts";

const version = readVersion();
const builders: Record<string, (output: string) => Promise<unknown>> = {
  native: (output) => buildNativeExecutable(output, hostArch, version),
  pkg: (output) => buildPkgExecutable(output, hostNodeTarget, version),
};

async function build(name: string): Promise<void> {
  const builder = builders[name];
  if (builder === undefined) throw new Error(`no executable ${name}: there are ${Object.keys(builders).join(" and ")}`);
  const output = at("dist", name, "ipvlan");
  await runStep({
    name: `dist/${name}/ipvlan`,
    inputs: ["src/**/*.{ts,js,c,h}", "schemas/**/*.json"],
    settings: { version, arch: hostArch },
    outputs: () => [output],
    run: () => builder(output),
  });
  process.stderr.write(`build: dist/${name}/ipvlan is version ${version.version} (${version.commit})\n`);
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(builders);
try {
  await runStep(generateStep);
  await Promise.all(names.map(build));
} catch (error) {
  process.stderr.write(`build: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
