/** How long a node's containerd waits for the network of its pods, by its own metrics. */
import { type ClusterNode, metricsAddress } from "./nodes.ts";

/** Of all pods since containerd began, or between two looks. */
export interface AddTimes {
  /** Seconds, of all together. */
  readonly sum: number;
  readonly count: number;
}

/** What containerd calls them: https://github.com/containerd/containerd/blob/main/internal/cri/server/metrics.go */
const metric = "containerd_cri_sandbox_create_network_seconds";

export async function addTimes({ host }: ClusterNode): Promise<AddTimes> {
  const text = await host.ok(`busybox wget -q -O - http://${metricsAddress}/v1/metrics`);
  const read = (what: "sum" | "count"): number => {
    const line = text.split("\n").find((line) => line.startsWith(`${metric}_${what} `));
    if (line === undefined) throw new Error(`containerd tells no ${metric}_${what}`);
    return Number(line.split(" ").at(-1));
  };
  return { sum: read("sum"), count: read("count") };
}

export const since = (before: AddTimes, now: AddTimes): AddTimes => ({
  sum: now.sum - before.sum,
  count: now.count - before.count,
});

export const total = (times: readonly AddTimes[]): AddTimes => ({
  sum: times.reduce((sum, one) => sum + one.sum, 0),
  count: times.reduce((count, one) => count + one.count, 0),
});
