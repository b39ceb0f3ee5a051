import type { NodeRequest } from "../../cluster/protocol.ts";
import { answer } from "../answer.ts";
import { type ClaimStore, Refused } from "../claim-store.ts";

/**
 * Answers for the plugin of a node, a request's text in and the answer out.
 *
 * The exchanges of a pool are carried out one after another, in the order of their coming. The plugin makes one at a time, but a plugin
 * that was killed does not end the one that it has asked for: beside the next it would remove and make anew claims from which that
 * one's asker gives addresses already. A plugin started for an etcd's takes its program along when it dies.
 *
 * @param open the store, for a request that has so many milliseconds
 */
export function answersOf(node: string, open: (timeoutMs: number) => ClaimStore): (text: string) => Promise<object> {
  /** The last exchange of each pool. */
  const last = new Map<string, Promise<unknown>>();

  const answerNow = (request: NodeRequest, since: number): Promise<object> =>
    answer(request, async () => {
      if (request.operation === "exchange" && request.node !== node) {
        throw new Refused(`ipam.cluster.node is ${request.node}, and this is the Node ${node}: leave the key out`);
      }
      // Its time goes on while it waits: who has asked does not wait longer.
      return open(request.timeoutMs - (Date.now() - since));
    });

  return (text) => {
    const asked = JSON.parse(text) as NodeRequest;
    const since = Date.now();
    if (asked.operation !== "exchange") return answerNow(asked, since);
    const request = { ...asked, node: asked.node ?? node };
    const before = last.get(request.pool) ?? Promise.resolve();
    const mine = before.then(() => answerNow(request, since));
    const settled = mine.catch(() => undefined);
    last.set(request.pool, settled);
    void settled.then(() => {
      if (last.get(request.pool) === settled) last.delete(request.pool);
    });
    return mine;
  };
}
