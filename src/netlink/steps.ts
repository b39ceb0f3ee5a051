import type { Request } from "./message.ts";
import { BATCH, exchange, NetlinkError, type NetlinkSocket, type Outcome } from "./socket.ts";

/** A request with what its outcome means. */
export interface Step<T> {
  /** Made when it is sent: of many steps few requests are in memory at a time. */
  readonly request: () => Request;
  /** What the outcome comes to; throws what a failure means. */
  readonly settle: (outcome: Outcome) => T;
}

/** The outcomes of a batch, by its steps. */
export interface Settled {
  of<T>(step: Step<T>): T;
}

/** A step that succeeds or fails. @param explain what the failure means */
export function doing(request: () => Request, explain: (failure: NetlinkError) => Error): Step<void> {
  return {
    request,
    settle(outcome) {
      if (outcome instanceof NetlinkError) throw explain(outcome);
    },
  };
}

/** A step that asks for one object. @param explain what it means that there is none; without a failure where nothing came */
export function asking<T>(
  request: () => Request,
  read: (payload: Uint8Array) => T,
  explain: (failure: NetlinkError | undefined) => Error,
): Step<T> {
  return {
    request,
    settle(outcome) {
      if (outcome instanceof Uint8Array) return read(outcome);
      throw explain(outcome);
    },
  };
}

/** Carries the steps out in their order, some in each send, until one fails: throws what the first failure means. */
export function carryOut(socket: NetlinkSocket, steps: readonly Step<unknown>[]): Settled {
  const results = new Map<Step<unknown>, unknown>();
  for (let at = 0; at < steps.length; at += BATCH) {
    const batch = steps.slice(at, at + BATCH);
    const outcomes = exchange(
      socket,
      batch.map(({ request }) => request()),
    );
    for (const [index, step] of batch.entries()) results.set(step, step.settle(outcomes[index]));
  }
  return { of: <T>(step: Step<T>) => results.get(step) as T };
}
