/** The cluster's machine room: this program once more, in a network namespace of its own, in which nothing can be in the way. */
import { spawn } from "node:child_process";

/** Set in the program that is inside. */
const mark = "IPVLAN_E2E_INSIDE";

export const isInside = (): boolean => process.env[mark] !== undefined;

/**
 * Runs this program again inside, with the same words. All that it starts there (etcd, the control plane, the emulators with their
 * taps) sees one network; when its last process ends, the kernel removes the network with every link and route in it.
 * @returns its exit code
 */
export async function runInside(): Promise<number> {
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "TERM", "--", "unshare", "--net", "--mount", "--propagation", "private", ...program],
    { stdio: "inherit", env: { ...process.env, [mark]: "1" } },
  );
  // The program inside ends its children and its files by itself; this one waits for that.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 128));
  });
}
