import { readFileSync, writeFileSync } from "node:fs";

/**
 * Variables by which Bun lets the environment take over any executable made with it: options (`--preload FILE` runs
 * that file), or all of Bun's command line in place of the program. Bun has no flag against it.
 */
const switches = ["BUN_OPTIONS", "BUN_BE_BUN"];

/** Renames the variables inside the executable to names that no environment can hold. */
export function closeEnvironmentSwitches(executable: string): void {
  const bytes = readFileSync(executable);
  for (const name of switches) {
    let found = 0;
    for (let i = bytes.indexOf(name); i >= 0; i = bytes.indexOf(name, i + 1), found++) bytes.write("=", i);
    if (found === 0) throw new Error(`${name} is not in ${executable}: this Bun reads its environment in another way`);
  }
  writeFileSync(executable, bytes);
}
