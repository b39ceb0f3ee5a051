import type { Answer, NodeRequest } from "../cluster/protocol.ts";
import { type ClaimStore, Refused, Unreachable } from "./claim-store.ts";
import { exchange } from "./exchange.ts";
import { forget } from "./names.ts";
import { release } from "./release.ts";
import { status } from "./status.ts";

/** Carries a request out. What the store, or the way to it, lacks is in the answer. */
export async function answer(request: NodeRequest, open: () => Promise<ClaimStore>): Promise<Answer<object>> {
  try {
    const store = await open();
    switch (request.operation) {
      case "exchange":
        if (request.node === undefined) throw new Refused("the request names no node");
        return await exchange(store, { ...request, node: request.node });
      case "status":
        return await status(store, request);
      case "release":
        return await release(store, request);
      case "forget":
        return await forget(store, request);
      default:
        throw new Refused(
          `${JSON.stringify((request as { operation?: unknown }).operation)} is no operation of this version`,
        );
    }
  } catch (error) {
    if (error instanceof Unreachable) return { failure: "unreachable", message: error.message };
    const { syscall } = error as NodeJS.ErrnoException;
    const isFile = syscall === "open" || syscall === "stat";
    if (error instanceof Refused || isFile) return { failure: "refused", message: (error as Error).message };
    throw error;
  }
}
