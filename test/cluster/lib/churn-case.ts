import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TAP } from "tap";
import type { StoreConfig } from "../../../src/config/cluster.ts";
import { buildDriver } from "../../differential/lib/executable.ts";
import { churn } from "./churn.ts";
import type { Etcd } from "./etcd.ts";
import { Node } from "./node.ts";

export interface ChurnCase {
  readonly operations: number;
  readonly seed: number;
  readonly etcd: Etcd;
  readonly store: StoreConfig;
  /** What is under each key of the store. */
  contents(): Promise<Map<string, string>>;
}

/** Five nodes on one pool whose store's members are killed and stopped: no address is held twice, and nothing is left at the end. */
export function churnCase(t: TAP, { operations, seed, etcd, store, contents }: ChurnCase): void {
  t.test(`${operations} ADDs and DELs on five nodes`, async (t) => {
    const driver = await buildDriver(t);
    const folder = mkdtempSync(join(tmpdir(), "ipvlan-churn-"));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const cluster = { [store.type]: { ...store, type: undefined }, blockSize: { ipv4: 29, ipv6: 125 } };
    // 31 blocks for five nodes with 40 containers at most: there is not always one left.
    const subnets = [
      { subnet: "10.0.0.0/24", ipRange: "10.0.0.8/29" },
      { subnet: "10.0.1.0/24" },
      { subnet: "fd00::/119" },
    ];
    const ipam = { sticky: true };
    const nodes = Array.from(
      { length: 5 },
      (_, i) => new Node({ driver, folder, name: `n${i}`, cluster, subnets, ipam }),
    );
    const outcome = await churn({ etcd, store, nodes, operations, seed, most: 40, pods: 20 });
    t.comment(JSON.stringify(outcome));
    t.ok(outcome.adds > operations / 4, "ADDs succeed meanwhile");
    t.ok(outcome.followed > 0, "addresses follow their pods");
    t.ok(outcome.looks > 5, "the checker looks");
    for (const node of nodes) t.equal(node.held().size, 0, `nothing is left on ${node.name}`);
    const blocks = [...(await contents())].filter(([key]) => key.startsWith("blocks/"));
    const byNode = Map.groupBy(blocks, ([, value]) => JSON.parse(value).node as string);
    for (const node of nodes) {
      const own = (byNode.get(node.name) ?? []).map(([key]) => key.split("/").at(-1)?.replace("-", "/")).sort();
      const known = [...node.claims().blocks].sort();
      // A killed answer may leave a block in the store that the node takes up at its next contact; and none the other way round, but for
      // a node that was released and does not know yet.
      const foreign = known.filter((block: string) => !own.includes(block));
      t.ok(foreign.length === 0 || node.isOff, `${node.name} has what it knows`);
    }
  });
}
