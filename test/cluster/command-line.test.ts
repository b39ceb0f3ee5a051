// ipvlan cluster, doctor and metrics on a pool of three nodes, through the executable.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { at } from "../../build/paths.ts";
import { manual } from "../../src/cli/manual.ts";
import { buildDriver } from "../differential/lib/executable.ts";
import { executables } from "../executable/lib/plugin.ts";
import { startEtcd } from "./lib/etcd.ts";
import { Node } from "./lib/node.ts";

t.setTimeout(300_000);
const driver = await buildDriver(t);
const folder = mkdtempSync(join(tmpdir(), "ipvlan-cluster-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const etcd = await startEtcd();
t.teardown(() => etcd.stop());
const cluster = { etcd: { endpoints: etcd.endpoints }, blockSize: { ipv4: 28, ipv6: 124 } };
const subnets = [{ subnet: "10.1.0.0/26" }];
const [a, b, c] = ["a", "b", "c"].map(
  (name) => new Node({ driver, folder, name, network: "pool", cluster, subnets }),
) as [Node, Node, Node];

/** The command line on one of the nodes. */
function ipvlan(node: Node, ...words: string[]): { code: number | null; stdout: string; stderr: string } {
  // Isolated, so that plan needs no parent that the host has.
  const { cniVersion, name, ...entry } = node.config({}, { master: undefined, internal: true }) as {
    cniVersion: string;
    name: string;
  };
  const file = join(folder, `${node.name}.conflist`);
  writeFileSync(file, JSON.stringify({ cniVersion, name, plugins: [entry] }));
  const env = { CNI_PATH: at("dist/pkg"), NO_COLOR: "1", PATH: process.env.PATH };
  const named = words[0] === "plan" ? [...words, file] : [...words, "--config", file];
  const { status, stdout, stderr } = spawnSync(at("dist/native/ipvlan"), named, {
    env,
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

/** What doctor finds on a node of what has to do with its pool; its configuration folder is a mount of ours. */
// biome-ignore lint/suspicious/noExplicitAny: of any shape
function doctor(node: Node): any[] {
  ipvlan(node, "cluster", "status");
  const script = `mount -t tmpfs etc /etc && mkdir -p /etc/cni/net.d && cp ${join(folder, `${node.name}.conflist`)} /etc/cni/net.d/ &&
    CNI_PATH=${at("dist/pkg")} exec ${at("dist/native/ipvlan")} doctor --json`;
  const { stdout, stderr } = spawnSync("unshare", ["--mount", "sh", "-c", script], { encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout).findings.filter(({ id }: { id: string }) => id.startsWith("cluster"));
}

await a.add("c1");
await b.add("c1");
await b.add("c2");

t.test("status shows pool, nodes and blocks, as text and as JSON", async (t) => {
  const { code, stdout, stderr } = ipvlan(b, "cluster", "status");
  t.equal(stderr, "");
  t.equal(code, 0);
  t.match(stdout, /^pool: blocks of \/28 and \/124; this node is b, with 2 of 1[3-6] addresses held$/m);
  t.match(stdout, /^ {2}10\.1\.0\.0\/26: 2 of 4 blocks claimed$/m);
  t.match(stdout, /^ {4}[ab.]{4}$/m);
  t.match(stdout, /^ {2}a a, b b$/m);
  t.match(stdout, /^a +1 +0 +\d{4}-\S+Z +10\.1\.0\.\d+\/28$/m);
  const json = JSON.parse(ipvlan(b, "cluster", "status", "pool", "--json").stdout);
  t.match(json.pools, [
    { network: "pool", node: "b", blockSize: { ipv4: 28, ipv6: 124 }, held: 2, notOurs: [], unreachedSince: null },
  ]);
  const own = json.pools[0].blocks.find(({ node }: { node: string }) => node === "b");
  t.equal(own.held, 2);
  t.match(ipvlan(b, "cluster", "status", "other"), {
    code: 2,
    stderr: /no network other with ipam\.cluster is configured/,
  });
  t.match(ipvlan(b, "cluster", "statsu"), {
    code: 2,
    stderr: /cluster statsu is unknown: there are status, release, forget, sync/,
  });
});

t.test("a node that was seen a moment ago is released by force alone, and notices it", async (t) => {
  const refused = ipvlan(b, "cluster", "release", "a", "--yes");
  t.equal(refused.code, 2);
  t.match(refused.stderr, /the node a spoke with the store at .* may well be running: .* then --force/);
  t.match(ipvlan(b, "cluster", "release", "a"), { code: 1, stderr: /nothing is released: --yes does it/ });
  t.match(ipvlan(b, "cluster", "release", "b", "--yes"), { code: 2, stderr: /b is this node/ });
  const released = ipvlan(b, "cluster", "release", "a", "--yes", "--force");
  t.equal(released.code, 0, released.stderr);
  t.match(released.stdout, /^pool: released 10\.1\.0\.\d+\/28$/m);
  // Another node takes all that is left, before the first one comes back.
  for (let i = 0; i < 62; i++) if ((await c.add(`d${i}`).catch(() => undefined)) === undefined) break;
  t.equal(c.claims().blocks.length, 3);
  t.strictSame(doctor(a), [], "it does not know yet");
  const sync = ipvlan(a, "cluster", "sync");
  t.equal(sync.code, 1);
  t.match(
    sync.stderr,
    /a container of this node holds 10\.1\.0\.\d+, and it lies in .*, a block of the node c: one of the two must go/,
  );
  t.match(doctor(a), [
    {
      id: "cluster-address-lost",
      severity: "error",
      place: "network pool",
      message: /held by containers of this node, and not the node a's any more/,
    },
  ]);
  t.match(ipvlan(a, "metrics").stdout, /^ipvlan_cni_cluster_lost\{network="pool",node="a"\} 1$/m);
  t.match(ipvlan(a, "cluster", "status"), { code: 1, stderr: /a container of this node holds 10\.1\.0\.\d+/ });
});

t.test("doctor and metrics tell that the store is away, before the blocks are full", async (t) => {
  etcd.pause(0);
  t.teardown(() => etcd.resume(0));
  t.strictSame(doctor(b), [], "nobody has asked it yet");
  const sync = ipvlan(b, "cluster", "sync");
  t.equal(sync.code, 2);
  t.match(sync.stderr, /the store is not reached since \d{4}-.*: http:\/\/127\.0\.0\.1:\d+: no answer in time/);
  t.match(doctor(b), [
    {
      severity: "warning",
      message: /and 2 of the 1[3-6] addresses of this node's blocks are held/,
      mend: "ipvlan cluster sync pool",
    },
  ]);
  t.match(ipvlan(b, "metrics").stdout, /^ipvlan_cni_cluster_store_reached\{network="pool",node="b"\} 0$/m);
  t.equal(ipvlan(b, "cluster", "status").code, 2);
  etcd.resume(0);
  t.equal(ipvlan(b, "cluster", "sync").code, 0, "its mend");
  t.match(ipvlan(b, "metrics").stdout, /^ipvlan_cni_cluster_store_reached\{network="pool",node="b"\} 1$/m);
});

t.test("GC gives empty blocks back; when the store is away it does all else, and says so", async (t) => {
  const g = new Node({ driver, folder, name: "g", network: "gc", cluster, subnets: [{ subnet: "10.2.0.0/24" }] });
  const gc = () =>
    spawnSync(at("dist/native/ipvlan"), [], {
      env: { CNI_COMMAND: "GC", CNI_PATH: at("dist/pkg"), CNI_NETNS: "", CNI_IFNAME: "", CNI_CONTAINERID: "" },
      input: JSON.stringify({ ...g.config(), "cni.dev/valid-attachments": [] }),
      encoding: "utf8",
    });
  for (let i = 0; i < 20; i++) await g.add(`gc${i}`);
  const before = g.claims().blocks.length;
  t.ok(before >= 2);
  t.match(gc(), { status: 0, stdout: "" });
  t.equal(g.held().size, 0);
  t.equal(g.claims().blocks.length, before, "not at once");
  const long = Math.floor(Date.now() / 1000) - 601;
  g.amend((claims) => ({ ...claims, emptySince: Object.fromEntries(claims.blocks.map((one: string) => [one, long])) }));
  t.match(gc(), { status: 0, stdout: "" });
  t.equal(g.claims().blocks.length, 1);
  etcd.pause(0);
  t.teardown(() => etcd.resume(0));
  await g.add("again");
  t.match(gc(), { status: 0, stderr: /the cluster's store is not reached since \d{4}-/ });
  t.equal(g.held().size, 0);
  etcd.resume(0);
});

const sticky = new Node({ driver, folder, name: "s", network: "named", cluster, subnets, ipam: { sticky: true } });

t.test("show and plan say what this node has of the pool, and ask nobody", async (t) => {
  const fresh = new Node({ driver, folder, name: "f", network: "shown", cluster, subnets });
  const nobody = new Node({
    ...{ driver, folder, subnets },
    name: "f",
    network: "shown",
    cluster: { ...cluster, etcd: { endpoints: ["http://127.0.0.1:1"] } },
  });
  t.match(
    ipvlan(nobody, "show", "shown").stdout,
    /^cluster +10\.1\.0\.0\/26, of all nodes; by etcd, blocks of \/28 and \/124\n +this node is f, and has no block yet/m,
  );
  t.match(
    ipvlan(nobody, "plan").stdout,
    /^# a block of the cluster's pool is claimed by ipvlan-node, which is started for it/m,
  );
  const [first] = await fresh.add("c1");
  const [block] = fresh.claims().blocks;
  t.match(ipvlan(nobody, "show", "shown").stdout, `this node is f, and has ${block}`);
  t.match(ipvlan(nobody, "show", "shown").stdout, /^ +\[#\.+\] 1 of 1[3-6] held, next /m, "of its own blocks");
  t.match(JSON.parse(ipvlan(nobody, "show", "shown", "--json").stdout), {
    cluster: { store: "etcd", node: "f", blocks: [block], names: [], unreachedSince: null },
    pools: [{ held: 1 }],
  });
  for (const [kubernetes, asked] of [
    [{}, "the node's agent"],
    [{ kubeconfig: "/etc/kubeconfig" }, "ipvlan-node, which is started for it"],
  ] as const) {
    const other = new Node({ driver, folder, name: "k", network: "planned", cluster: { kubernetes }, subnets });
    t.match(ipvlan(other, "plan").stdout, `# a block of the cluster's pool is claimed by ${asked}: `);
  }
  const planned = /^# (\S+) is reserved in/m.exec(ipvlan(nobody, "plan").stdout)?.[1];
  t.not(planned, first);
  t.strictSame(await fresh.add("c2"), [planned]);
});

t.test("names that addresses follow are shown, and forgotten", async (t) => {
  const [address] = await sticky.addPod("web-0", "c1");
  t.match(ipvlan(sticky, "cluster", "status").stdout, new RegExp(`^db/web-0 eth0 +s +\\S+Z +${address}$`, "m"));
  const refused = ipvlan(sticky, "cluster", "forget", "db/web-0", "--yes");
  t.equal(refused.code, 2);
  t.match(refused.stderr, /the name db\/web-0 eth0 is on the node s since/);
  await sticky.del("c1", "web-0");
  const { pools } = JSON.parse(ipvlan(sticky, "cluster", "status", "--json").stdout);
  t.match(pools[0].names, [{ name: "db/web-0 eth0", node: null, addresses: [address] }]);
  t.equal(ipvlan(sticky, "cluster", "forget", "db/web-0").code, 1, "nobody said yes");
  t.match(ipvlan(sticky, "cluster", "forget", "db/web-0", "--yes").stdout, `named: forgot ${address}`);
  t.equal(JSON.parse(ipvlan(sticky, "cluster", "status", "--json").stdout).pools[0].names.length, 0);
  t.match(ipvlan(a, "cluster", "forget", "db/web-0").stderr, /no such network has ipam.sticky/);
});

t.test("the examples of the help run as they stand there", async (t) => {
  const { examples = [] } = manual.find(({ name }) => name === "cluster") ?? {};
  t.ok(examples.length > 0);
  for (const { command } of examples) {
    const answer = ipvlan(command.includes("forget") ? sticky : b, ...command.split(" ").slice(1));
    t.equal(answer.code, 0, `${command}: ${answer.stderr}`);
  }
});

for (const { name, path } of executables.filter(({ name }) => name !== "sanitized")) {
  t.test(`the program that asks the store is found beside the plugin, then on CNI_PATH [${name}]`, async (t) => {
    const beside = mkdtempSync(join(folder, "beside "));
    const own = join(beside, "ipvlan");
    copyFileSync(path, own);
    writeFileSync(
      join(beside, "ipvlan-node"),
      `#!/bin/sh\necho '{"failure":"unreachable","message":"I am beside it"}'\n`,
      {
        mode: 0o755,
      },
    );
    const { stderr } = spawnSync(own, ["cluster", "sync", "--config", join(folder, "b.conflist")], {
      env: { CNI_PATH: at("dist/pkg") },
      encoding: "utf8",
    });
    t.match(stderr, /the store is not reached since .*: I am beside it/);
  });
}

t.test("without the program that asks the store, an error says where it was looked for", async (t) => {
  const empty = join(folder, "empty");
  mkdirSync(empty);
  const { status, stderr } = spawnSync(
    at("dist/native/ipvlan"),
    ["cluster", "sync", "--config", join(folder, "b.conflist")],
    {
      env: { CNI_PATH: empty },
      encoding: "utf8",
    },
  );
  t.equal(status, 2);
  t.match(
    stderr,
    `the program ipvlan-node is missing, looked for in ${at("dist/native")}, ${empty}: install it beside ipvlan`,
  );
});
