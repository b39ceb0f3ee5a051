import { setTimeout as sleep } from "node:timers/promises";
import { Refused } from "../claim-store.ts";
import { type KubernetesApi, messageOf } from "../kubernetes/api.ts";
import { log } from "./log.ts";
import type { NodeFacts } from "./render.ts";

interface NodeObject {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
}

const PATIENCE_MS = 10_000;
/** Between tries, when the API is away or ends the watch. */
const PAUSE_MS = 5000;

/** Tells what the Node object says, now and whenever it says something else, until `signal`. */
export async function followNode(
  api: KubernetesApi,
  node: string,
  tell: (facts: NodeFacts) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const reply = await api.ask("GET", `/api/v1/nodes/${node}`, Date.now() + PATIENCE_MS);
      if (reply.status !== 200) throw new Refused(`Kubernetes answers for the Node ${node}: ${messageOf(reply)}`);
      const object = reply.body as unknown as NodeObject;
      tell(factsOf(object));
      const query = new URLSearchParams({
        watch: "true",
        fieldSelector: `metadata.name=${node}`,
        resourceVersion: object.metadata.resourceVersion,
      });
      for await (const event of api.watch(`/api/v1/nodes?${query}`, signal)) {
        const { type, object: seen } = event as { type?: string; object?: NodeObject };
        if (seen !== undefined && (type === "ADDED" || type === "MODIFIED")) tell(factsOf(seen));
        if (type === "ERROR") break;
      }
    } catch (error) {
      if (signal.aborted) return;
      log((error as Error).message);
    }
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
}

function factsOf({ spec = {} }: NodeObject): NodeFacts {
  return { podCIDRs: spec.podCIDRs ?? (spec.podCIDR === undefined ? [] : [spec.podCIDR]) };
}
