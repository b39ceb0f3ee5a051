// The reference host-local as a program.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { layer } from "../../machine/packages.ts";
import type { Outcome } from "./command.ts";

/**
 * The packaged plugin (Debian, containernetworking-plugins), from the suite's cache; HOST_LOCAL names
 * another one, such as a newer one that Go has built: GOBIN=$PWD go install
 * github.com/containernetworking/plugins/plugins/ipam/host-local@v1.10.0
 */
export async function findReference(): Promise<string> {
  const given = process.env.HOST_LOCAL;
  if (given !== undefined && given !== "") return given;
  return join(await layer("base"), "usr/lib/cni/host-local");
}

export function runProgram(
  file: string,
  args: readonly string[],
  env: Record<string, string>,
  stdin: string,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "ignore"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ status: code ?? 128, stdout }));
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
  });
}
