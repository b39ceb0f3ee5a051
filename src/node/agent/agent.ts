// The agent of a node in Kubernetes. It puts the plugin and the node's networks in their places and keeps them right, answers for the
// plugin what the cluster's store says, puts back what the host has lost for its containers, and takes all of it away when it is
// uninstalled. No container needs it to go on.
import { watch } from "node:fs";
import { Refused } from "../claim-store.ts";
import { accessFromPod } from "../kubernetes/access.ts";
import { type Access, KubernetesApi } from "../kubernetes/api.ts";
import { openKubernetes } from "../kubernetes/claims.ts";
import { depart } from "./departure.ts";
import { type Health, serveHttp } from "./http.ts";
import { installPlugin } from "./install.ts";
import { log } from "./log.ts";
import { writeNetworks } from "./networks.ts";
import { followNode } from "./node-object.ts";
import type { NodeFacts } from "./render.ts";
import { places, readSettings, type Settings } from "./settings.ts";
import { serveRequests } from "./socket.ts";
import { keepClaims, keepReach } from "./upkeep.ts";

/** Also where no event tells that a file was changed or removed by another hand. */
const LOOK_MS = 30_000;

export async function runAgent(environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  let settings: Settings;
  let api: KubernetesApi;
  try {
    settings = readSettings(environment);
    api = new KubernetesApi(await accessOf(settings, environment));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    process.stderr.write(`ipvlan-node agent: ${error.message}\n`);
    process.exit(1);
  }
  const ending = new AbortController();
  const { signal } = ending;
  const health: Health = { failures: ["the Node object was not read yet"] };
  const requests = await serveRequests(settings.node, (timeoutMs) => openKubernetes(api, settings.node, timeoutMs));
  const web = settings.listen === undefined ? undefined : await serveHttp(settings, settings.listen, health);

  let facts: NodeFacts | undefined;
  const keepFiles = inTurn(async () => {
    if (facts === undefined || signal.aborted) return;
    const failures: string[] = [];
    try {
      if (await installPlugin(settings)) log(`${places.plugins}/ipvlan is the image's now`);
      failures.push(...(await writeNetworks(settings, facts)));
    } catch (error) {
      failures.push((error as Error).message);
    }
    for (const failure of failures) log(failure);
    health.failures = failures;
  });
  for (const folder of [places.templates, places.networks, places.plugins]) follow(folder, keepFiles.call, signal);
  const timer = setInterval(keepFiles.call, LOOK_MS);

  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => ending.abort());
  await Promise.all([
    followNode(
      api,
      settings.node,
      (now) => {
        facts = now;
        keepFiles.call();
      },
      signal,
    ),
    keepReach(settings, signal),
    keepClaims(settings, signal),
  ]);
  clearInterval(timer);
  web?.close();
  requests.close();
  await keepFiles.finished();
  await depart(api, settings);
  process.exit(0);
}

async function accessOf({ kubeconfig }: Settings, environment: Parameters<typeof accessFromPod>[0]): Promise<Access> {
  if (kubeconfig === undefined) return accessFromPod(environment);
  const { accessFromKubeconfig } = await import("../kubernetes/kubeconfig.ts");
  return accessFromKubeconfig(kubeconfig);
}

/** Calls of the function run one after another; what is called while one waits is the same call. */
function inTurn(work: () => Promise<void>): { call: () => void; finished: () => Promise<void> } {
  let running: Promise<void> = Promise.resolve();
  let isWaiting = false;
  return {
    call() {
      if (isWaiting) return;
      isWaiting = true;
      running = running.then(() => {
        isWaiting = false;
        return work();
      });
    },
    finished: () => running,
  };
}

function follow(folder: string, tell: () => void, signal: AbortSignal): void {
  try {
    watch(folder, { signal }, tell).on("error", () => undefined);
  } catch {
    // It is not there yet: it is looked at from time to time.
  }
}
