import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TAP } from "tap";
import { at } from "../../../build/paths.ts";
import { runProgram } from "../../differential/lib/reference.ts";
import { failure, makeNodes, type Node } from "./node.ts";
import type { TestStore } from "./store.ts";

/** What is promised of addresses that follow a name, whatever the store is. */
export function stickyCases(t: TAP, driver: string, folder: string, store: TestStore): void {
  const nodesOf = (network: string, subnets: readonly object[], ipam: object = { sticky: true }): Node[] =>
    makeNodes({ driver, folder, network, subnets, cluster: store.access, ipam });
  const keys = async (begin: string) =>
    [...(await store.contents()).keys()].filter((key) => key.startsWith(begin)).sort();
  // biome-ignore lint/suspicious/noExplicitAny: of the protocol
  async function ask(request: object): Promise<any> {
    const [[type, access]] = Object.entries(store.access) as [[string, object]];
    // The prefix is the default one of the configuration.
    const asked = { timeoutMs: 5000, store: { type, prefix: "/ipvlan-cni", ...access }, ...request };
    const { stdout } = await runProgram(at("dist/pkg/ipvlan-node"), [], {}, JSON.stringify(asked));
    return JSON.parse(stdout);
  }

  t.test("a pod of a StatefulSet has its addresses on whatever node it comes up", async (t) => {
    const [a, b, c] = nodesOf("follow", [{ subnet: "10.40.0.0/24" }, { subnet: "fd40::/112" }]) as [Node, Node, Node];
    const first = await a.addPod("web-0", "c1");
    t.equal(first.length, 2);
    await a.del("c1", "web-0");
    t.strictSame(await b.addPod("web-0", "c2"), first);
    t.strictSame(b.held().get(first[0] as string), "c2");
    // The first node's block has 16 addresses, of which one is not its own now.
    for (let i = 0; i < 20; i++) t.notOk((await a.add(`x${i}`)).some((address) => first.includes(address)));
    const previous = { cniVersion: "1.1.0", ips: first.map((one) => ({ address: `${one}/24` })) };
    t.equal((await b.call("CHECK", "c2", { ...b.config(), prevResult: previous }, "web-0")).status, 0);
    await b.del("c2", "web-0");
    t.equal(b.held().size, 0, "nothing is left behind");
    t.strictSame(await c.addPod("web-0", "c3"), first);
    await c.del("c3", "web-0");
    t.strictSame(await a.addPod("web-0", "c4"), first, "and on the first one again");
    const { names } = await ask({ operation: "status", pool: "follow" });
    t.match(names, [{ name: "db/web-0 eth0", node: "follow-a", addresses: first }]);
    await a.del("c4", "web-0");
    t.match((await ask({ operation: "status", pool: "follow" })).names, [{ name: "db/web-0 eth0", addresses: first }]);
  });

  t.test("a pod whose name is on another node still gets other addresses, which follow nobody", async (t) => {
    const [a, b] = nodesOf("busy", [{ subnet: "10.41.0.0/24" }]) as [Node, Node];
    const [first] = await a.addPod("web-0", "c1");
    const [other] = await b.addPod("web-0", "c2");
    t.not(other, first);
    await b.del("c2", "web-0");
    t.equal(b.held().size, 0);
    await a.del("c1", "web-0");
    t.strictSame(await b.addPod("web-0", "c3"), [first]);
    t.equal((await keys("names/busy/")).length, 1);
    t.equal((await keys("addresses/busy/")).length, 2, "one address, and that it is confirmed");
  });

  t.test("the store is away: DEL goes on, a name waits, and what was done is told when it is back", async (t) => {
    const [a, b] = nodesOf("gone", [{ subnet: "10.42.0.0/24" }]) as [Node, Node];
    const first = await a.addPod("web-0", "c1");
    store.pause();
    t.teardown(() => store.resume());
    await a.del("c1", "web-0");
    t.strictSame([...a.held().values()], ["=db/web-0"], "it stays reserved here");
    const refused = await failure(a.addPod("web-0", "c2"));
    t.equal(refused.code, 11);
    t.match(
      refused.message,
      /^network gone: the addresses of this container follow its name, and what they are is not known here: /,
    );
    store.resume();
    const [other] = await b.addPod("web-0", "c3");
    t.not(other, first[0], "nobody has told the store yet");
    await b.del("c3", "web-0");
    await a.addPod("web-1", "c4");
    t.strictSame(await b.addPod("web-0", "c5"), first, "any contact of the first node does");
    t.equal(a.held().size, 1);
  });

  t.test("a node that was rebooted or released has its names no more, and they keep their addresses", async (t) => {
    const [a, b, c] = nodesOf("dead", [{ subnet: "10.43.0.0/27" }]) as [Node, Node, Node];
    const zero = await a.addPod("web-0", "c0");
    const one = await a.addPod("web-1", "c1");
    a.reboot();
    await a.add("again");
    t.strictSame(await b.addPod("web-0", "d0"), zero);
    t.strictSame(await b.addPod("web-1", "d1"), one);
    b.reboot();
    const { released } = await ask({ operation: "release", pool: "dead", node: "dead-b", force: true });
    t.strictSame(
      released.filter((text: string) => text.startsWith("the name")),
      ["the name db/web-0 eth0", "the name db/web-1 eth0"],
    );
    t.strictSame(await c.addPod("web-1", "e1"), one);
    await a.del("again");
    // The last of the two blocks, and what the first node's block had: all is given but what stays with names.
    await ask({ operation: "release", pool: "dead", node: "dead-a", force: true });
    const others = new Set<string>();
    for (let i = 0; ; i++) {
      const given = await failure(c.add(`x${i}`).then(([address]) => others.add(address as string)));
      if (given.code !== 0) break;
    }
    t.ok(others.size >= 20, `${others.size} others are given`);
    t.notOk(others.has(zero[0] as string));
    t.strictSame(await c.addPod("web-0", "e0"), zero);
  });

  t.test("a name ends by command, and by a week without a container", async (t) => {
    const [a, b] = nodesOf("ends", [{ subnet: "10.44.0.0/24" }]) as [Node, Node];
    const first = await a.addPod("web-0", "c0");
    t.match(await ask({ operation: "forget", pool: "ends", name: "db/web-0 eth0" }), {
      failure: "refused",
      message: /^the name db\/web-0 eth0 is on the node ends-a since .*: end its container, or/,
    });
    await a.del("c0", "web-0");
    t.match(await ask({ operation: "forget", pool: "ends", name: "db/web-0 eth0" }), { released: first });
    t.strictSame([...(await keys("names/ends/")), ...(await keys("addresses/ends/"))], []);
    await a.addPod("web-1", "c1");
    await a.del("c1", "web-1");
    const [record] = (await keys("names/ends/")) as [string];
    const since = new Date(Date.now() - 8 * 24 * 3600 * 1000).toISOString();
    await store.remove(record);
    await store.put(record, JSON.stringify({ idle: true, since, claim: "old" }));
    await b.addPod("web-2", "c2");
    t.strictSame(
      (await keys("names/ends/")).map((key) => key.split("/").at(-1)),
      ["db%2Fweb-2%20eth0"],
    );
    t.equal((await keys("addresses/ends/")).length, 2);
  });

  t.test("a claim of a name's that was never confirmed is nothing that the name has", async (t) => {
    const [a, b] = nodesOf("late", [{ subnet: "10.45.0.0/24" }]) as [Node, Node];
    const taken = await a.add("c0");
    // As a member makes it that was stopped, when the node that asked has long given it up.
    await store.put(`addresses/late/${taken[0]}`, JSON.stringify({ name: "db/web-0 eth0", since: "", claim: "late" }));
    const given = await b.addPod("web-0", "c1");
    t.notSame(given, taken);
    t.strictSame(
      (await keys("addresses/late/")).filter((key) => key.includes(`/${taken[0]}`)),
      [`addresses/late/${taken[0]}`],
      "and while the name is on a node it is left alone",
    );
    await b.del("c1", "web-0");
    await b.addPod("web-9", "c2");
    t.strictSame(
      (await keys("addresses/late/")).filter((key) => key.includes(`/${taken[0]}`)),
      [],
    );
  });

  t.test("what a node kept for names before the pool was a cluster's is theirs on all nodes", async (t) => {
    const [a, b] = nodesOf("before", [{ subnet: "10.46.0.0/24" }]) as [Node, Node];
    mkdirSync(join(a.dataDir, "before"), { recursive: true });
    writeFileSync(join(a.dataDir, "before", "10.46.0.9"), "=db/web-0\r\neth0");
    writeFileSync(join(a.dataDir, "before", "10.46.0.10"), "old\r\neth0\r\n=db/web-1");
    await a.add("new");
    t.strictSame(await b.addPod("web-0", "c0"), ["10.46.0.9"]);
    t.notSame(await b.addPod("web-1", "c1"), ["10.46.0.10"], "whose container is on the other node");
    await a.del("old", "web-1");
    await b.del("c1", "web-1");
    t.strictSame(await b.addPod("web-1", "c2"), ["10.46.0.10"]);
  });

  t.test("an address that stays with a name is given to nobody else who asks for it", async (t) => {
    const [a, b] = nodesOf("asked2", [{ subnet: "10.47.0.0/24" }]) as [Node, Node];
    const [first] = (await a.addPod("web-0", "c0")) as [string];
    await a.del("c0", "web-0");
    for (const node of [a, b]) {
      t.match(await failure(node.add("c1", first)), {
        code: 103,
        message: `requested address ${first} is not this node's to give: it stays with the name db/web-0 eth0`,
      });
    }
    t.strictSame(await a.addPod("web-1", "c2", "10.47.0.200"), ["10.47.0.200"], "one that is asked for");
    await a.del("c2", "web-1");
    t.strictSame(await b.addPod("web-1", "c3"), ["10.47.0.200"], "follows the name, too");
  });

  t.test("four pods at once on each of three nodes, three times, each time on another node", async (t) => {
    const nodes = nodesOf("many", [{ subnet: "10.48.0.0/24" }]);
    const had = new Map<string, string>();
    for (let round = 0; round < 3; round++) {
      const pods = nodes.flatMap((_, n) => Array.from({ length: 4 }, (_, i) => ({ pod: `p${n}-${i}`, n })));
      const at = (n: number) => nodes[(n + round) % nodes.length] as Node;
      const given = await Promise.all(pods.map(({ pod, n }) => at(n).addPod(pod, `${pod}-${round}`)));
      t.equal(new Set(given.flat()).size, 12);
      for (const [i, { pod }] of pods.entries()) {
        const [address] = given[i] as [string];
        t.equal(had.get(pod) ?? address, address, pod);
        had.set(pod, address);
      }
      await Promise.all(pods.map(({ pod, n }) => at(n).del(`${pod}-${round}`, pod)));
    }
    for (const node of nodes) t.equal(node.held().size, 0);
  });
}
