import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { at, root, shown } from "./paths.ts";

export interface Step {
  /** Names the step in the output and its stamp. */
  name: string;
  /** Patterns of files, relative to the repository, whose contents decide over the result. */
  inputs: string[];
  /** What decides over the result without being a file. */
  settings?: unknown;
  /** Files that must be there for the step to count as done. */
  outputs: () => string[];
  run: () => Promise<unknown>;
}

/** Every step depends on its own code and on the tools' versions. */
const always = ["build/**/*.{c,ts,txt}", "package.json", "package-lock.json", "tsconfig.json"];

/** Runs a step unless it has run on the same inputs before. Contents are compared, not times: git sets those anew. */
export async function runStep(step: Step): Promise<void> {
  const stamp = at("dist/.stamps", step.name.replaceAll("/", "-"));
  const wanted = fingerprint(step);
  const done = existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && step.outputs().every(existsSync);
  if (done) return;

  const started = performance.now();
  rmSync(stamp, { force: true });
  await step.run();
  mkdirSync(at("dist/.stamps"), { recursive: true });
  writeFileSync(stamp, wanted);
  process.stderr.write(`build: ${step.name} ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}

function fingerprint(step: Step): string {
  const hash = createHash("sha256").update(JSON.stringify(step.settings ?? null));
  for (const path of globSync([...always, ...step.inputs], { cwd: root }).sort()) {
    const file = at(path);
    hash.update(`\0${shown(file)}\0`).update(readFileSync(file));
  }
  return hash.digest("hex");
}
