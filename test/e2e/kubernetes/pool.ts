// npm run cluster:kubernetes: one pool over many nodes whose store is a real Kubernetes API server, with an etcd of three members behind
// it that are killed and stopped: the promises of test/cluster, and 20,000 ADDs and DELs (IPVLAN_TEST_OPERATIONS). Five minutes; the first
// time the API server is built before, ten minutes of processor.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { at } from "../../../build/paths.ts";
import { type ClaimObject, nameOf, objectOf, resource } from "../../../src/node/kubernetes/claim-object.ts";
import { churnCase } from "../../cluster/lib/churn-case.ts";
import { claimsCases } from "../../cluster/lib/claims-cases.ts";
import { startEtcd } from "../../cluster/lib/etcd.ts";
import type { TestStore } from "../../cluster/lib/store.ts";
import { buildDriver } from "../../differential/lib/executable.ts";
import { startControlPlane, tokens } from "./control-plane.ts";
import { programs } from "./programs.ts";

t.setTimeout(0);
const { kubernetes } = await programs((line) => process.stderr.write(`${line}\n`));
const driver = await buildDriver(t);
const folder = mkdtempSync(join(tmpdir(), "ipvlan-kubernetes-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const etcd = await startEtcd({ members: 3 });
t.teardown(() => etcd.stop());
const plane = await startControlPlane({
  folder: join(folder, "control-plane"),
  programs: kubernetes,
  etcd: etcd.endpoints,
  address: "127.0.0.1",
  port: 26443,
  serviceCIDRs: ["10.96.0.0/16"],
});
t.teardown(() => plane.stop());
execFileSync("kubectl", ["apply", "--filename", at("build/kubernetes/chart/crds/ipvlanclaims.yaml")], {
  env: { ...process.env, KUBECONFIG: plane.kubeconfig },
  stdio: "inherit",
});
await untilServed();

const store: TestStore = {
  access: { kubernetes: { kubeconfig: plane.kubeconfig } },
  contents: async () => {
    const { items } = (await ask("GET", resource)) as { items: readonly ClaimObject[] };
    return new Map(items.map(({ spec: { key, value } }) => [key, value]));
  },
  async put(key, value) {
    await this.remove(key);
    await ask("POST", resource, objectOf(key, value, undefined));
  },
  remove: async (key) => void (await ask("DELETE", `${resource}/${nameOf(key)}`)),
  pause: () => plane.pause(),
  resume: () => plane.resume(),
  stop: async () => undefined,
};

claimsCases(t, driver, folder, store);

churnCase(t, {
  operations: Number(process.env.IPVLAN_TEST_OPERATIONS ?? 20_000),
  seed: Number(process.env.IPVLAN_TEST_SEED ?? 20261127),
  etcd,
  store: { type: "kubernetes", kubeconfig: plane.kubeconfig },
  contents: async () => new Map([...(await store.contents())].filter(([key]) => key.split("/")[1] === "net1")),
});

/** @returns the API's answer, also where it refuses */
function ask(method: string, path: string, body?: object): Promise<object> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${tokens.admin}`, "content-type": "application/json" };
    // Its certificate is made for this run.
    const asked = request(
      `${plane.server}${path}`,
      { method, headers, rejectUnauthorized: false },
      async (response) => {
        let text = "";
        for await (const part of response.setEncoding("utf8")) text += part;
        // A resource that is not known is no JSON.
        resolve(text.startsWith("{") ? JSON.parse(text) : { message: text });
      },
    );
    asked.on("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** A resource that was defined a moment ago. */
async function untilServed(): Promise<void> {
  for (;;) {
    const answer = (await ask("GET", resource).catch(() => ({}))) as { items?: unknown };
    if (answer.items !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
