// driver.ts as a native executable: a process of it starts as fast as the plugin itself.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildNativeExecutable } from "../../../build/native-executable.ts";
import { at } from "../../../build/paths.ts";
import { hostArch } from "../../../build/runtimes.ts";

/** @returns its path; it is removed when the test ends */
export async function buildDriver(t: { teardown: (work: () => void) => void }): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-driver-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "driver");
  const version = { version: "0.0.0", commit: "tests" };
  await buildNativeExecutable(file, hostArch, version, { entry: at("test/differential/driver.ts") });
  return file;
}
