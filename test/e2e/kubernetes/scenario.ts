import type { Cluster } from "./cluster.ts";

/**
 * Runs one check and writes it down, whatever comes of it.
 * @param title the promise that is checked
 * @param work throws where the promise is broken; what it returns is shown beside it
 */
export type Check = (title: string, work: () => Promise<string | undefined>) => Promise<void>;

export interface Scenario {
  readonly name: string;
  run(cluster: Cluster, check: Check): Promise<void>;
}
