import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TAP } from "tap";
import { failure, makeNodes, Node } from "./node.ts";
import type { TestStore } from "./store.ts";

/** What is promised of claims, whatever the store is: who gets what, what goes on without it, and what is noticed. */
export function claimsCases(t: TAP, driver: string, folder: string, store: TestStore): void {
  const nodesOf = (network: string, subnets: readonly object[], more: object = {}, names?: readonly string[]): Node[] =>
    makeNodes({ driver, folder, network, subnets, cluster: { ...store.access, ...more } }, names);
  const keys = async (begin: string) =>
    [...(await store.contents()).keys()].filter((key) => key.startsWith(begin)).sort();

  t.test("each node has blocks of its own, and its addresses come from them", async (t) => {
    const [a, b] = nodesOf("two", [{ subnet: "10.1.0.0/24" }, { subnet: "fd01::/112" }]) as [Node, Node];
    const first = await a.add("c1");
    const second = await b.add("c1");
    t.equal(first.length, 2, "one of each family");
    t.strictSame(
      a.claims().blocks.filter((block: string) => b.claims().blocks.includes(block)),
      [],
    );
    t.notSame(first, second);
    t.equal((await keys("blocks/two/")).length, 4);
    t.match(JSON.parse((await store.contents()).get((await keys("blocks/two/"))[0] ?? "") ?? "{}"), {
      node: /^two-[ab]$/,
      since: /^\d{4}-/,
    });
    await a.del("c1");
    await b.del("c1");
  });

  t.test(
    "an ADD that finds a free address asks nobody: the store is away, and containers start until the blocks are full",
    async (t) => {
      const [a] = nodesOf("away", [{ subnet: "10.2.0.0/24" }]) as [Node];
      await a.add("c0");
      store.pause();
      t.teardown(() => store.resume());
      // A block of 16 addresses, perhaps the one with the network's own and the gateway's.
      let given = 1;
      let refused: { code: number; message: string };
      for (;;) {
        refused = await failure(a.add(`c${given}`));
        if (refused.code !== 0) break;
        given++;
      }
      t.ok(given >= 13 && given <= 16, `${given} were given`);
      t.equal(refused.code, 11);
      t.match(
        refused.message,
        /^network away: blocks at hand: 10\.2\.0\.\d+\/28; .*held.*; and the cluster's store is not reached since \d{4}-.*Z: https?:\/\/127\.0\.0\.1:\d+: no answer in time/,
      );
      t.match(a.claims().failure, { since: /^\d{4}-/, message: /no answer/ });
      await a.del("c0");
      t.equal((await a.add("again")).length, 1, "what is given back is given again");
      store.resume();
      t.equal((await a.add("more")).length, 1, "and when it is back there is another block");
      t.equal(a.claims().failure, undefined);
      t.equal(a.claims().blocks.length, 2);
    },
  );

  t.test("a pool that is claimed to its end says whose it is", async (t) => {
    const [a, b, c] = nodesOf("small", [{ subnet: "10.3.0.0/27" }]) as [Node, Node, Node];
    await a.add("c1");
    await b.add("c1");
    const refused = await failure(c.add("c1"));
    t.equal(refused.code, 11);
    t.match(
      refused.message,
      /^network small: every block of 10\.3\.0\.0\/27 is claimed \(small-[ab] 1, small-[ab] 1\); this node has no block: end a container/,
    );
  });

  t.test("two ADDs at once that find the blocks full make one claim", async (t) => {
    const [a] = nodesOf("once", [{ subnet: "10.4.0.0/22" }]) as [Node];
    const all = await Promise.all(Array.from({ length: 10 }, (_, i) => a.add(`c${i}`)));
    t.equal(new Set(all.flat()).size, 10);
    t.equal((await keys("blocks/once/")).length, 1);
  });

  t.test("addresses that are asked for: in nobody's block claimed alone, in another node's refused", async (t) => {
    const [a, b] = nodesOf("asked", [{ subnet: "10.5.0.0/26", ipRange: "10.5.0.0/27" }]) as [Node, Node];
    const [own] = await a.add("c1");
    t.match(await failure(b.add("c1", own as string)), {
      code: 103,
      message: `requested address ${own} is not this node's to give: it lies in ${a.claims().blocks[0]}, a block of the node asked-a`,
    });
    t.strictSame(await b.add("c2", "10.5.0.50"), ["10.5.0.50"], "outside of ipRange");
    t.match(await failure(a.add("c3", "10.5.0.50")), {
      code: 103,
      message: "requested address 10.5.0.50 is not this node's to give: the node asked-b has claimed it",
    });
    t.strictSame(b.held().get("10.5.0.50"), "c2");
    // In the block that is left, which the other node claims afterwards.
    const left = a.claims().blocks[0] === "10.5.0.0/28" ? "10.5.0.20" : "10.5.0.4";
    t.strictSame(await a.add("c4", left), [left]);
    const others = new Set<string>();
    for (let i = 0; i < 16; i++) {
      const answer = await b.add(`d${i}`).catch(() => []);
      for (const address of answer) others.add(address);
    }
    t.ok(others.size >= 12, "the other node gives the rest of the block");
    t.notOk(others.has(left), "and leaves it out");
    // Given back, it is free for the one that has the block.
    await a.del("c4");
    await b.del("c2");
    t.strictSame(await failure(a.add("c5", "10.5.0.51")).then(({ code }) => code), 0, "another contact of each");
    t.strictSame(await failure(b.add("c5", "10.5.0.52")).then(({ code }) => code), 0);
    t.strictSame((await keys("addresses/asked/")).map((key) => key.split("/").at(-1)).sort(), [
      "10.5.0.51",
      "10.5.0.52",
    ]);
    t.strictSame(await b.add("c6", left), [left]);
  });

  t.test("after a boot the store is asked before the first address", async (t) => {
    const [a] = nodesOf("boot", [{ subnet: "10.6.0.0/24" }]) as [Node];
    await a.add("c1");
    a.reboot();
    store.pause();
    t.teardown(() => store.resume());
    const refused = await failure(a.add("c2"));
    t.equal(refused.code, 11);
    t.match(
      refused.message,
      /^network boot: the cluster's store is not reached since .*since this boot it has not said whether the blocks of boot-a are still its own/,
    );
    const trusting = new Node({
      driver,
      folder: join(folder, "boot"),
      name: "boot-a",
      network: "boot",
      subnets: [{ subnet: "10.6.0.0/24" }],
      cluster: { ...store.access, blockSize: { ipv4: 28, ipv6: 124 }, trustAfterBoot: true },
    });
    t.equal((await trusting.add("c3")).length, 1, "trustAfterBoot");
    store.resume();
    t.equal((await a.add("c4")).length, 1);
    t.equal(a.claims().blocks.length, 1, "it has kept its block");
  });

  t.test("what a node has lost is noticed when the store is asked next, and CHECK says so", async (t) => {
    const [a, b] = nodesOf("lost", [{ subnet: "10.7.0.0/28" }]) as [Node, Node];
    const { json } = await a.call("ADD", "c1");
    const contents = await store.contents();
    const [block] = (await keys("blocks/lost/")) as [string];
    t.equal(JSON.parse(contents.get(block) ?? "{}").node, "lost-a");
    await store.remove(block);
    await b.add("c9");
    a.reboot();
    const refused = await failure(a.add("c2"));
    t.match(refused.message, /every block of 10\.7\.0\.0\/28 is claimed \(lost-b 1\); this node has no block/);
    const check = await a.call("CHECK", "c1", { ...a.config(), prevResult: json });
    t.match(check.json, { code: 107 });
    await a.del("c1");
  });

  t.test("a network that has containers becomes a pool of the cluster, and conflicts are told", async (t) => {
    const [a, b] = nodesOf("moved", [{ subnet: "10.8.0.0/24" }]) as [Node, Node];
    for (const [node, address] of [
      [a, "10.8.0.5"],
      [a, "10.8.0.77"],
      [b, "10.8.0.9"],
      [b, "10.8.0.130"],
    ] as const) {
      mkdirSync(join(node.dataDir, "moved"), { recursive: true });
      writeFileSync(join(node.dataDir, "moved", address), "old\r\neth0");
    }
    await a.add("new");
    t.match(a.claims().blocks.sort(), ["10.8.0.0/28", "10.8.0.64/28"]);
    await b.add("new");
    t.match(b.claims().blocks, ["10.8.0.128/28"]);
    t.equal(b.held().get("10.8.0.9"), "old", "no container is touched");
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.8.0.9/24" }] };
    const check = await b.call("CHECK", "old", { ...b.config(), prevResult });
    t.match(check.json, { code: 107, msg: /10\.8\.0\.9 is not the node moved-b's any more/ });
  });

  t.test("blocks that were empty for a while are given back, but for one", async (t) => {
    const [a] = nodesOf("empty", [{ subnet: "10.9.0.0/24", ipRange: "10.9.0.0/25" }]) as [Node];
    for (let i = 0; i < 35; i++) await a.add(`c${i}`);
    t.ok(a.claims().blocks.length >= 3);
    for (let i = 0; i < 35; i++) await a.del(`c${i}`);
    await a.add("c", "10.9.0.250");
    t.ok(a.claims().blocks.length >= 3, "not at once");
    const now = Math.floor(Date.now() / 1000);
    a.amend((claims) => ({
      ...claims,
      emptySince: Object.fromEntries(claims.blocks.map((block: string) => [block, now - 601])),
    }));
    await a.add("d", "10.9.0.251");
    t.equal(a.claims().blocks.length, 1);
    t.equal((await keys("blocks/empty/")).length, 1);
  });

  t.test("nodes that do not agree, and two machines of one name, are told so", async (t) => {
    const [a] = nodesOf("agree", [{ subnet: "10.10.0.0/24" }]) as [Node];
    await a.add("c1");
    const options = {
      driver,
      folder: join(folder, "agree"),
      name: "agree-b",
      network: "agree",
      subnets: [{ subnet: "10.10.0.0/24" }],
    };
    const other = new Node({
      ...options,
      cluster: { ...store.access, blockSize: { ipv4: 26, ipv6: 124 } },
    });
    t.match(await failure(other.add("c1")), {
      code: 7,
      message:
        /^the pool agree has blocks of \/28 and \/124 in the store, and here of \/26 and \/124: all nodes must have the same/,
    });
    const [record] = (await keys("nodes/agree-a/")) as [string];
    await store.put(record, JSON.stringify({ machine: "another" }));
    a.reboot();
    t.match(await failure(a.add("c2")), {
      code: 7,
      message: /^another machine is the node agree-a in the store: give this one another name/,
    });
  });
}
