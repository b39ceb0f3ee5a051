// npm run build [-- native | pkg | node]: the validators and types from the schemas, then the executables for this machine.
// What is up to date is not built again.
import { generateStep } from "./generate.ts";
import { runStep } from "./incremental.ts";
import { buildNativeExecutable } from "./native-executable.ts";
import { at } from "./paths.ts";
import { buildPkgExecutable, hostNodeTarget, nodeProgram } from "./pkg-executable.ts";
import { hostArch } from "./runtimes.ts";
import { readVersion } from "./version.ts";

const version = readVersion();
interface Executable {
  readonly path: string;
  build(output: string): Promise<unknown>;
}

const executables: Readonly<Record<string, Executable>> = {
  native: { path: "native/ipvlan", build: (output) => buildNativeExecutable(output, hostArch, version) },
  pkg: { path: "pkg/ipvlan", build: (output) => buildPkgExecutable(output, hostNodeTarget, version) },
  node: {
    path: "pkg/ipvlan-node",
    build: (output) => buildPkgExecutable(output, hostNodeTarget, version, nodeProgram),
  },
};

async function build(name: string): Promise<void> {
  const executable = executables[name];
  if (executable === undefined) {
    throw new Error(`no executable ${name}: there are ${Object.keys(executables).join(", ")}`);
  }
  const output = at("dist", executable.path);
  await runStep({
    name: `dist/${executable.path}`,
    inputs: ["src/**/*.{ts,js,c,h}", "schemas/**/*.json"],
    settings: { version, arch: hostArch },
    outputs: () => [output],
    run: () => executable.build(output),
  });
  process.stderr.write(`build: dist/${executable.path} is version ${version.version} (${version.commit})\n`);
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(executables);
try {
  await runStep(generateStep);
  await Promise.all(names.map(build));
} catch (error) {
  process.stderr.write(`build: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
