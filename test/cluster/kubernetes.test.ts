// Claims as objects of Kubernetes' API, which is a stand-in here: the same promises as with etcd, and what is Kubernetes' own. The
// real API server: npm run e2e:kubernetes.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { buildDriver } from "../differential/lib/executable.ts";
import { claimsCases } from "./lib/claims-cases.ts";
import { standInStore } from "./lib/store.ts";

t.setTimeout(300_000);
const driver = await buildDriver(t);
const folder = mkdtempSync(join(tmpdir(), "ipvlan-kubernetes-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const store = await standInStore(folder);
t.teardown(() => store.stop());

claimsCases(t, driver, folder, store);
