// driver.ts as an executable on Bun: a process of it starts as fast as the plugin itself.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at } from "../../../build/paths.ts";
import { bunBinary, hostArch } from "../../../build/runtimes.ts";

/** @returns its path; it is removed when the test ends */
export function buildDriver(t: { teardown: (work: () => void) => void }): string {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-driver-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "driver");
  const options = [
    "--compile",
    "--bytecode",
    "--minify",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
  ];
  // In the folder: bun leaves the files that it works with where it is started.
  const stdio = ["ignore", "ignore", "inherit"] as const;
  execFileSync(bunBinary(hostArch), ["build", ...options, "--outfile", file, at("test/differential/driver.ts")], {
    cwd: folder,
    stdio: [...stdio],
  });
  return file;
}
