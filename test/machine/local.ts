/** Kernel tests on the host's own kernel: a set of namespaces that keeps the host's network and files out of it. */

import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { endChild, spawnBound } from "./bound-process.ts";
import { type Channel, createChannel, helloTimeout } from "./channel.ts";
import { type Group, layer } from "./packages.ts";
import { run } from "./process.ts";
import { machineError, makeRunFolder, quote, removeRunFolder } from "./run-folder.ts";

export interface LocalMachine {
  channel: Channel;
  /** The process that holds the namespaces' first process, for nsenter. */
  holder: ChildProcess;
  stop(): Promise<void>;
}

/**
 * Why this kernel or user cannot run the tests, or undefined if they can. Really makes links of all kinds needed, in
 * namespaces that are gone afterwards; the kernel loads its modules for that by itself.
 */
export async function localObstacle(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) {
    return "not root";
  }
  const base = await layer("base");
  const result = await run("unshare", ["--net", "--mount", "sh", join(import.meta.dirname, "guest/probe.sh"), base]);
  return result.code === 0 ? undefined : result.stderr.trim().split("\n").at(-1) || "the namespaces cannot be made";
}

/** Starts the namespaces and waits until the agent in them answers. */
export async function startLocal(groups: readonly Group[] = []): Promise<LocalMachine> {
  const base = await layer("base");
  const layers = [base];
  for (const group of groups) {
    layers.push(await layer(group));
  }
  const folder = makeRunFolder({ layers: layers.map(quote).join(" "), modules: "", channel: "pipe" });
  const log = openSync(folder.console, "w");
  const holder = spawnBound(
    [
      ...["unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"],
      ...[join(base, "usr/bin/busybox"), "sh", join(folder.share, "guest/local.sh"), folder.share],
    ],
    { stdio: ["pipe", "pipe", log] },
  );
  closeSync(log);
  const stop = async () => {
    await endChild(holder);
    removeRunFolder(folder);
  };
  try {
    await new Promise((resolve, reject) => holder.once("spawn", resolve).once("error", reject));
    const { stdin, stdout } = holder;
    if (stdin === null || stdout === null) {
      throw new Error("the namespaces have no pipes");
    }
    const channel = createChannel({ to: stdin, from: stdout }, folder.share, (seen) => machineError(folder, seen));
    await channel.hello(helloTimeout);
    return { channel, holder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
