// npm run e2e:kubernetes: the plugin in a real Kubernetes, of two nodes, with the real kubelet, containerd and kube-proxy.
//
//   npm run e2e:kubernetes                          all scenarios
//   npm run e2e:kubernetes -- --only services       those whose name has this in it
//   npm run e2e:kubernetes -- --proxy iptables      kube-proxy in another mode than nftables
//   npm run e2e:kubernetes -- --keep                leaves the cluster up until Ctrl-C, and says how to reach it
import { statfsSync } from "node:fs";
import { freemem } from "node:os";
import { parseArgs } from "node:util";
import { describeFailure, Obstacle, tellFailures } from "../../../build/obstacle.ts";
import { layer } from "../../machine/packages.ts";
import { imageArchive } from "./images.ts";
import { isInside, runInside } from "./own-network.ts";
import { programs } from "./programs.ts";
import { type RunOptions, runScenarios } from "./run.ts";

tellFailures("e2e:kubernetes");

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    mode: { type: "string", default: "l3s" },
    proxy: { type: "string", default: "nftables" },
    keep: { type: "boolean", default: false },
  },
});
const say = (line: string): void => void process.stderr.write(`e2e: ${line}\n`);

if (!isInside()) {
  say(
    "two nodes in virtual machines by software emulation, the control plane beside them. Needs: root, 12 GB of memory,",
  );
  say(
    "6 GB of disk, Go 1.26 (once, to build Kubernetes' programs: some 20 minutes); then some 15 minutes with two processors",
  );
  refuseWhatCannotWork();
}
// The network of the inside leads nowhere, so all that is fetched is fetched before.
const prepared = await prepare();
if (isInside()) {
  const chosen = values as Pick<RunOptions, "only" | "mode" | "keep">;
  // Not by itself: after a Ctrl-C, what was under way may wait for a machine that is no more.
  process.exit(await runScenarios({ ...prepared, ...chosen, proxyMode: proxyMode(), say }));
}
process.exitCode = await runInside();

function proxyMode(): RunOptions["proxyMode"] {
  if (values.proxy === "nftables" || values.proxy === "iptables") return values.proxy;
  throw new Obstacle("--proxy takes nftables or iptables");
}

function refuseWhatCannotWork(): void {
  proxyMode();
  if (!["l2", "l3", "l3s"].includes(values.mode)) throw new Obstacle("--mode takes l2, l3 or l3s");
  if (process.getuid?.() !== 0) throw new Obstacle("the network of the nodes is made by root only");
  if (freemem() < 9 * 2 ** 30) throw new Obstacle("two nodes and a control plane take 9 GB of free memory");
  const { bavail, bsize } = statfsSync("/tmp");
  if (bavail * bsize < 6 * 2 ** 30) throw new Obstacle("the disks of the nodes take 6 GB in /tmp");
}

async function prepare(): Promise<Pick<RunOptions, "programs" | "imageArchive">> {
  for (const group of ["base", "kernel", "qemu", "runtimes", "etcd"] as const) await layer(group);
  const built = await programs(say);
  return { programs: built, imageArchive: await imageArchive(built) };
}

process.on("unhandledRejection", (error) => say(describeFailure(error)));
