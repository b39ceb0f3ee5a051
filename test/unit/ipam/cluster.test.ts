// What a cluster's pool costs while its blocks have a free address, in system calls: no store, and no program that would ask one.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { countCalls } from "./lib/calls.ts";
import { type Json, type Network, network, temporaryFolder } from "./lib/network.ts";

const subnets = [{ subnet: "10.0.0.0/16" }];
const cluster = { etcd: { endpoints: ["http://127.0.0.1:9"] }, node: "a", trustAfterBoot: true };

function withBlocks(folder: string, ipam: Json): Network {
  mkdirSync(join(folder, ".ipvlan-cni/cluster"), { recursive: true });
  const claims = { node: "a", blocks: ["10.0.3.0/26"], addresses: [], except: ["10.0.3.1"], emptySince: {} };
  writeFileSync(join(folder, ".ipvlan-cni/cluster/n"), JSON.stringify(claims));
  return network(folder, "n", ipam);
}

t.test("an ADD opens and reads one file more than without, and a DEL none", async (t) => {
  const [plain, claimed] = [{ subnets }, { subnets, cluster }].map((ipam) => withBlocks(temporaryFolder(t), ipam)) as [
    Network,
    Network,
  ];
  for (const net of [plain, claimed]) net.add("warm");
  const [without, added] = [plain, claimed].map((net) => countCalls(() => net.add("c"))) as [
    ReturnType<typeof countCalls>,
    ReturnType<typeof countCalls>,
  ];
  t.equal(added.total - without.total, 3, "open, read, close");
  t.equal(added.run, undefined);
  t.equal(added.socket, undefined);
  t.equal(countCalls(() => claimed.del("c")).total, countCalls(() => plain.del("c")).total);
  t.strictSame(claimed.held(), { "10.0.3.0": "warm eth0" }, "from the block, whose first address is no network's own");
});
