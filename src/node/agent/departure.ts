import type { KubernetesApi } from "../kubernetes/api.ts";
import { removePlugin } from "./install.ts";
import { log } from "./log.ts";
import { removeNetworks } from "./networks.ts";
import type { Settings } from "./settings.ts";

const PATIENCE_MS = 5000;

/**
 * Whether the agent ends since it was uninstalled, not for another version of it or a node that is drained: its DaemonSet is gone or
 * about to go, or with the chart the account by which it asks. Where nobody answers, it is taken to stay.
 */
async function isUninstalled(api: KubernetesApi, daemonSet: string): Promise<boolean> {
  const [namespace, name] = daemonSet.split("/");
  try {
    const { status, body } = await api.ask(
      "GET",
      `/apis/apps/v1/namespaces/${namespace}/daemonsets/${name}`,
      Date.now() + PATIENCE_MS,
    );
    const { metadata } = body as { metadata?: { deletionTimestamp?: string } };
    return [401, 403, 404].includes(status) || (status === 200 && metadata?.deletionTimestamp !== undefined);
  } catch (error) {
    log((error as Error).message);
    return false;
  }
}

/** What is left to do when the agent is told to end: nothing, or to take away what it has put on the host. */
export async function depart(api: KubernetesApi, settings: Settings): Promise<void> {
  if (settings.daemonSet === undefined || !(await isUninstalled(api, settings.daemonSet))) return;
  removeNetworks();
  const attached = await removePlugin(settings);
  log(
    attached === 0
      ? "uninstalled: the plugin is removed"
      : `the plugin stays: ${attached} containers are attached, whose end needs it. When they are gone: rm /opt/cni/bin/ipvlan`,
  );
}
