// Five nodes on one pool in an etcd of three members. npm run cluster does the same 100,000 times.
import t from "tap";
import { churnCase } from "./lib/churn-case.ts";
import { startEtcd } from "./lib/etcd.ts";

t.setTimeout(0);
const etcd = await startEtcd({ members: 3 });
t.teardown(() => etcd.stop());
const prefix = "/ipvlan-cni";
const { endpoints } = etcd;

churnCase(t, {
  operations: Number(process.env.IPVLAN_TEST_OPERATIONS ?? 1200),
  seed: Number(process.env.IPVLAN_TEST_SEED ?? 20261126),
  etcd,
  store: { type: "etcd", endpoints, prefix, caFile: undefined, certFile: undefined, keyFile: undefined },
  async contents() {
    const all = [...(await etcd.contents())].filter(([key]) => key.startsWith(prefix));
    return new Map(all.map(([key, value]) => [key.slice(prefix.length + 1), value]));
  },
});
