// dist/tests/native and dist/tests/sanitized: the tests' scripts on the native executable's host, and dist/sanitized/ipvlan: the
// plugin with the sanitizers.
import type { Plugin } from "esbuild";
import { runStep } from "../../build/incremental.ts";
import { buildNativeExecutable, buildSanitizedExecutable } from "../../build/native-executable.ts";
import { at } from "../../build/paths.ts";
import { hostArch } from "../../build/runtimes.ts";
import { readVersion } from "../../build/version.ts";

// Not the commit: it would have all of this built for each.
const version = { ...readVersion(), commit: "tests" };

/** What Node offers to a script stands in files of ours. */
const withoutNode: Plugin = {
  name: "without-node",
  setup(build) {
    build.onResolve({ filter: /^node:(fs|os)$/ }, ({ path }) => ({
      path: at(`test/native/${path.replace(":", "-")}.ts`),
    }));
    build.initialOptions.inject = [at("test/native/process.ts")];
  },
};

const scripts = { entry: at("test/native/scripts.ts"), plugins: [withoutNode] };
const inputs = ["src/**/*.{ts,js,c,h}", "schemas/**/*.json"];
const scriptInputs = [...inputs, "test/native/*.ts", "test/unit/*/lib/*.ts", "test/differential/lib/random.ts"];

const steps: [string, string[], (output: string) => Promise<unknown>][] = [
  ["dist/tests/native", scriptInputs, (output) => buildNativeExecutable(output, hostArch, version, scripts)],
  ["dist/tests/sanitized", scriptInputs, (output) => buildSanitizedExecutable(output, version, scripts)],
  ["dist/sanitized/ipvlan", inputs, (output) => buildSanitizedExecutable(output, version)],
];

export async function buildForTests(): Promise<void> {
  for (const [name, inputs, build] of steps) {
    await runStep({ name, inputs, settings: version, outputs: () => [at(name)], run: () => build(at(name)) });
  }
}

if (import.meta.main) await buildForTests();
