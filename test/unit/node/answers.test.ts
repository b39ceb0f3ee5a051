// The agent's answers to the plugin, with a store in this process whose requests wait until they are let go.
import t from "tap";
import type { ExchangeReply } from "../../../src/cluster/protocol.ts";
import { answersOf } from "../../../src/node/agent/answers.ts";
import { type ClaimStore, type Entry, Unreachable } from "../../../src/node/claim-store.ts";

/** A store that counts how many of a pool's callers are in it at once; some of its operations take a while. */
class SlowStore {
  readonly entries = new Map<string, Entry>();
  readonly log: string[] = [];
  #serial = 0;

  /** As one caller sees it. */
  of(caller: string, timeoutMs: number): ClaimStore {
    const step = async <T>(what: string, work: () => T): Promise<T> => {
      if (timeoutMs <= 0) throw new Unreachable("no time is left");
      await new Promise((resolve) => setTimeout(resolve, 2));
      this.log.push(`${caller} ${what}`);
      return work();
    };
    return {
      create: (key, value) =>
        step(`create ${key}`, () => {
          const there = this.entries.get(key);
          if (there === undefined) this.entries.set(key, { key, value, version: String(++this.#serial) });
          return there;
        }),
      get: (key) => step(`get ${key}`, () => this.entries.get(key)),
      list: (prefix) =>
        step(`list ${prefix}`, () => [...this.entries.values()].filter(({ key }) => key.startsWith(prefix))),
      remove: (entry) =>
        step(`remove ${entry.key}`, () => {
          if (this.entries.get(entry.key)?.version !== entry.version) return false;
          return this.entries.delete(entry.key);
        }),
    };
  }
}

const block = "10.0.0.0/28";
const request = (pool: string, more: object = {}): string =>
  JSON.stringify({
    operation: "exchange",
    store: { type: "kubernetes" },
    timeoutMs: 5000,
    pool,
    machine: "m",
    blockSize: { ipv4: 28, ipv6: 124 },
    subnets: ["10.0.0.0/24"],
    known: [],
    held: {},
    renew: [],
    giveBack: [],
    adopt: [],
    wanted: { ranges: [{ subnet: "10.0.0.0/24", first: "10.0.0.1", last: "10.0.0.14" }], ifNone: true },
    ...more,
  });

function agent(): { store: SlowStore; ask: (text: string) => Promise<object> } {
  const store = new SlowStore();
  let callers = 0;
  return { store, ask: answersOf("n", (timeoutMs) => store.of(String(callers++), timeoutMs)) };
}

t.test("of a pool's exchanges the next begins when the one before has ended", async (t) => {
  const { store, ask } = agent();
  await ask(request("p"));
  store.log.length = 0;
  // Of a plugin that was killed after a boot, and of the one that came next.
  const renewal = { known: [block], renew: [block], wanted: { addresses: [] } };
  const both = await Promise.all([ask(request("p", renewal)), ask(request("p", renewal))]);
  const callers = store.log.map((line) => line.split(" ")[0]);
  t.ok(callers.includes("1") && callers.includes("2"), callers.join(""));
  t.strictSame(callers, [...callers].sort(), "none of the second's requests before the first's last");
  for (const reply of both as ExchangeReply[]) t.strictSame(reply.blocks, [block]);
});

t.test("another pool's, and other questions, do not wait for it", async (t) => {
  const { store, ask } = agent();
  const status = JSON.stringify({
    operation: "status",
    store: { type: "kubernetes" },
    timeoutMs: 5000,
    pool: "p",
  });
  await Promise.all([ask(request("p")), ask(request("q")), ask(status)]);
  const first = (caller: string) => store.log.findIndex((line) => line.startsWith(caller));
  const lastOfP = store.log.findLastIndex((line) => line.startsWith("0 "));
  t.ok(first("1 ") < lastOfP && first("2 ") < lastOfP, store.log.join("; "));
});

t.test("one whose time is over when its turn comes asks nothing of the store", async (t) => {
  const { store, ask } = agent();
  const [, late] = await Promise.all([ask(request("p")), ask(request("p", { timeoutMs: 1 }))]);
  t.match(late, { failure: "unreachable" });
  t.notOk(store.log.some((line) => line.startsWith("1 ")));
});

t.test("after one that came to nothing the next has its turn", async (t) => {
  const { ask } = agent();
  const [failed, next] = await Promise.allSettled([ask(request("p", { wanted: null })), ask(request("p"))]);
  t.equal(failed?.status, "rejected");
  t.match(next, { status: "fulfilled", value: { blocks: [block] } });
});

t.test("a request in another node's name is refused", async (t) => {
  const { ask } = agent();
  t.match(await ask(request("p", { node: "other" })), { failure: "refused", message: /^ipam\.cluster\.node is other/ });
});
