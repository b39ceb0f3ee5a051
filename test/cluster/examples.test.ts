// The examples with a cluster's pool, on two nodes; the stores are the test's own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { buildDriver } from "../differential/lib/executable.ts";
import { example } from "../kernel/networks/lib/examples.ts";
import { makeNodes, type Node } from "./lib/node.ts";
import { etcdStore, standInStore } from "./lib/store.ts";

const driver = await buildDriver(t);
const folder = mkdtempSync(join(tmpdir(), "ipvlan-cluster-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

// biome-ignore lint/suspicious/noExplicitAny: of the examples
function nodesOf({ name, plugins }: any, access: object): [Node, Node] {
  const { subnets, cluster, ...ipam } = plugins[0].ipam;
  const [store] = Object.keys(access);
  t.ok(store !== undefined && store in cluster, `${name} has ${store}`);
  return makeNodes({ driver, folder, network: name, subnets, ipam, cluster: { blockSize: undefined, ...access } }, [
    "a",
    "b",
  ]) as [Node, Node];
}

t.test("37-cluster-etcd: two nodes give addresses of one subnet, each from its own block", async (t) => {
  const store = await etcdStore();
  t.teardown(() => store.stop());
  const [a, b] = nodesOf(example("37-cluster-etcd.conflist"), store.access);
  const given = await Promise.all([a.add("c1"), a.add("c2"), b.add("c1")]);
  t.equal(new Set(given.flat()).size, 3);
  for (const [address] of given) t.match(address, /^10\.20\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./, "from the ipRange");
  t.match([...a.claims().blocks, ...b.claims().blocks], [/\/26$/, /\/26$/], "blocks of the default size");
});

t.test("38-cluster-kubernetes: a pod of a StatefulSet keeps its address on the other node", async (t) => {
  const { store } = await standInStore(folder);
  t.teardown(() => store.stop());
  const [a, b] = nodesOf(example("38-cluster-kubernetes.conflist"), store.access);
  const first = await a.addPod("db-0", "c1");
  t.match(first, [/^192\.168\.(5[6-9]|6[0-3])\./], "from the ipRange");
  await a.del("c1", "db-0");
  t.strictSame(await b.addPod("db-0", "c2"), first);
});
