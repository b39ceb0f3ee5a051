// npm run e2e:kubernetes: the plugin in a real Kubernetes, of two nodes, with the real kubelet, containerd and kube-proxy.
//
//   npm run e2e:kubernetes                          all scenarios, in all networks
//   npm run e2e:kubernetes -- --only services       those whose name has this in it
//   npm run e2e:kubernetes -- --network routed      in one network: routed, flat or announced (see networks.ts)
//   npm run e2e:kubernetes -- --proxy iptables      with kube-proxy in one mode: nftables or iptables
//   npm run e2e:kubernetes -- scaling               a Deployment of 100 pods, up and down, beside the reference plugin: 40 minutes
//   npm run e2e:kubernetes -- conformance           Kubernetes' own suite: [sig-network] and [Conformance]
//                                  --processes 4    so many of its cases at once
//                                  --minutes 30     so long for each
//                                  --focus DNS      those whose name has this in it
//   npm run e2e:kubernetes -- --keep                leaves the cluster up until Ctrl-C, and says how to reach it
//   npm run e2e:kubernetes -- --publish             writes the table into docs/kubernetes-tests.md
import { statfsSync } from "node:fs";
import { freemem } from "node:os";
import { parseArgs } from "node:util";
import { helm } from "../../../build/manifests.ts";
import { describeFailure, Obstacle, tellFailures } from "../../../build/obstacle.ts";
import { layer } from "../../machine/packages.ts";
import { newestPlugins } from "../../machine/reference-plugins.ts";
import { agentImage } from "./agent-image.ts";
import { conformanceImages } from "./conformance/images.ts";
import { imageArchive } from "./images.ts";
import { isInside, runInside } from "./own-network.ts";
import { type Choice, isSuite, stages } from "./plan.ts";
import { programs } from "./programs.ts";
import { type RunOptions, runScenarios } from "./run.ts";

tellFailures("e2e:kubernetes");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    network: { type: "string", default: "" },
    proxy: { type: "string", default: "" },
    keep: { type: "boolean", default: false },
    publish: { type: "boolean", default: false },
    focus: { type: "string", default: "" },
    processes: { type: "string", default: "4" },
    minutes: { type: "string", default: "30" },
  },
});
const [suite = "scenarios", ...others] = positionals;
if (!isSuite(suite) || others.length > 0) {
  throw new Obstacle(`there is nothing of the name ${positionals.join(" ")} to run: conformance, scaling, or no word`);
}
const choice: Choice = { ...values, suite };
const say = (line: string): void => void process.stderr.write(`e2e: ${line}\n`);

if (!isInside()) {
  say(
    "two nodes in virtual machines by software emulation, the control plane beside them. Needs: root, 12 GB of memory,",
  );
  say(
    "6 GB of disk, Go 1.26 (once, to build Kubernetes' programs: some 20 minutes); then half an hour with two processors",
  );
  refuseWhatCannotWork();
}
// The network of the inside leads nowhere, so all that is fetched is fetched before.
const prepared = await prepare();
if (isInside()) {
  const { keep, publish, focus, processes, minutes } = values;
  const settings = { focus, processes: Number(processes), minutes: Number(minutes) };
  // Not by itself: after a Ctrl-C, what was under way may wait for a machine that is no more.
  process.exit(await runScenarios({ ...prepared, choice, settings, keep, publish, say }));
}
process.exitCode = await runInside();

function refuseWhatCannotWork(): void {
  for (const name of ["processes", "minutes"] as const) {
    if (!(Number(values[name]) >= 1)) throw new Obstacle(`--${name} takes a number`);
  }
  if (stages(choice).length === 0) throw new Obstacle("no scenario has such a name, network and kube-proxy");
  if (process.getuid?.() !== 0) throw new Obstacle("the network of the nodes is made by root only");
  if (freemem() < 9 * 2 ** 30) throw new Obstacle("two nodes and a control plane take 9 GB of free memory");
  const { bavail, bsize } = statfsSync("/tmp");
  if (bavail * bsize < 6 * 2 ** 30) throw new Obstacle("the disks of the nodes take 6 GB in /tmp");
}

async function prepare(): Promise<Pick<RunOptions, "programs" | "imageArchives">> {
  for (const group of ["base", "kernel", "qemu", "runtimes", "etcd"] as const) await layer(group);
  const built = await programs(say);
  const reference = newestPlugins();
  if ("missing" in reference) throw new Obstacle(reference.missing);
  if (suite === "conformance") await conformanceImages(built.kubernetes);
  await helm();
  return { programs: built, imageArchives: [await imageArchive(built), await agentImage()] };
}

process.on("unhandledRejection", (error) => say(describeFailure(error)));
