// Blocks and addresses that nodes claim of a common pool in a real etcd.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { buildDriver } from "../differential/lib/executable.ts";
import { claimsCases } from "./lib/claims-cases.ts";
import { startEtcd } from "./lib/etcd.ts";
import { failure, makeNodes, type Node } from "./lib/node.ts";
import { stickyCases } from "./lib/sticky-cases.ts";
import { etcdStore } from "./lib/store.ts";

t.setTimeout(300_000);
const driver = await buildDriver(t);
const folder = mkdtempSync(join(tmpdir(), "ipvlan-cluster-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const store = await etcdStore();
t.teardown(() => store.stop());

claimsCases(t, driver, folder, store);
stickyCases(t, driver, folder, store);

const nodesOf = (network: string, etcd: object): Node[] =>
  makeNodes({ driver, folder, network, subnets: [{ subnet: "10.11.0.0/24" }], cluster: { etcd } });

t.test("over TLS; a key that others can read is refused", async (t) => {
  const secure = await startEtcd({ tls: true });
  t.teardown(() => secure.stop());
  const [a] = nodesOf("tls", { endpoints: secure.endpoints, caFile: secure.caFile }) as [Node];
  t.equal((await a.add("c1")).length, 1);
  const [b] = nodesOf("tls2", { endpoints: secure.endpoints }) as [Node];
  const untrusted = await failure(b.add("c1"));
  t.equal(untrusted.code, 11);
  t.match(untrusted.message, /SELF_SIGNED|self.signed|CERT/i);
  const key = join(folder, "key.pem");
  writeFileSync(key, "", { mode: 0o644 });
  const [c] = nodesOf("tls3", { endpoints: secure.endpoints, certFile: key, keyFile: key }) as [Node];
  t.match(await failure(c.add("c1")), {
    code: 7,
    message: `${key} can be read by others than its owner: chmod 600 ${key}`,
  });
});
