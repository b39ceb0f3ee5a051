// Claims as objects of Kubernetes' API, which is a stand-in here: the same promises as with etcd, and what is Kubernetes' own. The
// real API server: npm run e2e:kubernetes.
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { at } from "../../build/paths.ts";
import { buildDriver } from "../differential/lib/executable.ts";
import { runProgram } from "../differential/lib/reference.ts";
import { claimsCases } from "./lib/claims-cases.ts";
import { makeNodes, type Node } from "./lib/node.ts";
import { stickyCases } from "./lib/sticky-cases.ts";
import { standInStore } from "./lib/store.ts";

t.setTimeout(0); // the runner limits the file's time
const driver = await buildDriver(t);
const folder = mkdtempSync(join(tmpdir(), "ipvlan-kubernetes-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const { store, api } = await standInStore(folder);
t.teardown(() => store.stop());

claimsCases(t, driver, folder, store);
stickyCases(t, driver, folder, store);

t.test(
  "the program is killed at every request and every answer: no address is given twice, no block is lost",
  async (t) => {
    const subnets = [{ subnet: "10.20.0.0/22" }];
    const cluster = { ...store.access, blockSize: { ipv4: 30, ipv6: 126 } };
    // All of them with npm run cluster, a sixth with the whole suite.
    const step = process.env.IPVLAN_TEST_OPERATIONS === undefined ? 6 : 1;
    let kills = 0;
    for (const when of ["before", "after"] as const) {
      for (let nth = when === "before" ? 1 : 2, isOver = false; !isOver; nth += step) {
        const network = `kill-${when}-${nth}`;
        const [a, b] = makeNodes({ driver, folder, network, subnets, cluster }) as [Node, Node];
        await b.add("b1");
        const hasCome = killAt(nth, when);
        // A first contact, a block when that is full, an address by its name, and blocks that go back.
        const calls = async (suffix: string): Promise<string[]> => {
          const given: string[] = [];
          for (let i = 0; i < 5; i++) given.push(...(await a.add(`c${i}${suffix}`).catch(() => [])));
          given.push(...(await a.add(`r${suffix}`, "10.20.3.77").catch(() => [])));
          return given;
        };
        const first = await calls("x");
        isOver = !hasCome();
        if (!isOver) kills++;
        await a.del("rx");
        const second = await calls("y");
        const all = [...first.filter((address) => address !== "10.20.3.77"), ...second, ...b.held().keys()];
        if (new Set(all).size !== all.length) t.fail(`${network}: given twice: ${all.join(" ")}`);
        if (second.length !== 6) t.fail(`${network}: ${second.length} of 6 afterwards`);
        const own = [...(await store.contents())].filter(([key, value]) => {
          return key.startsWith(`blocks/${network}/`) && JSON.parse(value).node === a.name;
        });
        const known = [...a.claims().blocks].sort();
        const stored = own.map(([key]) => key.split("/").at(-1)?.replace("-", "/")).sort();
        t.strictSame(stored, known, network);
      }
    }
    t.ok(kills * step > 40, `${kills} kills`);
  },
);

t.test("a release that is killed at any of its requests is finished by the next one", async (t) => {
  const subnets = [{ subnet: "10.20.0.0/24", ipRange: "10.20.0.0/28" }];
  const cluster = { ...store.access, blockSize: { ipv4: 30, ipv6: 126 } };
  let kills = 0;
  for (const when of ["before", "after"] as const) {
    for (let nth = 1, isOver = false; !isOver; nth++) {
      const network = `release-${when}-${nth}`;
      const [a, b] = makeNodes({ driver, folder, network, subnets, cluster, ipam: { sticky: true } }) as [Node, Node];
      await a.add("c1");
      const [own] = await a.add("c2", "10.20.0.77");
      const [named] = await a.addPod("web-0", "c3");
      await b.add("b1");
      const hasCome = killAt(nth, when);
      const killed = await releaseNode(b, a.name);
      isOver = !hasCome();
      if (isOver) t.equal(killed, 0, "it has come to its end");
      else kills++;
      t.equal(await releaseNode(b, a.name), 0, `${network}: again`);
      const ofA = () =>
        [...api.claims()].filter(({ key, value }) => {
          return key.split("/")[1] === network && JSON.parse(value).node === a.name;
        });
      t.strictSame(ofA(), [], network);
      t.strictSame(await b.add("b2", own as string), [own], `${network}: what was claimed alone is free`);
      t.strictSame(await b.addPod("web-0", "b3"), [named], `${network}: the name's address goes with it`);
      for (const container of ["b1", "b2"]) await b.del(container);
      await b.del("b3", "web-0");
    }
  }
  t.ok(kills >= 16, `${kills} kills`);
});

/**
 * Kills the program that asks, once, at its `nth` request: before it is carried out, or before the answer comes.
 * @returns what ends that, and tells whether there was such a request
 */
function killAt(nth: number, when: "before" | "after"): () => boolean {
  let left = nth;
  api.cut = () => {
    left--;
    if (left !== 0) return undefined;
    killChildren(at("dist/pkg/ipvlan-node"));
    return when;
  };
  return () => {
    api.cut = undefined;
    return left <= 0;
  };
}

/** @returns how `ipvlan cluster release --force` has ended on the node */
async function releaseNode(on: Node, name: string): Promise<number> {
  const { cniVersion, name: network, ...entry } = on.config() as { cniVersion: string; name: string };
  const file = join(folder, `${on.name}.conflist`);
  writeFileSync(file, JSON.stringify({ cniVersion, name: network, plugins: [entry] }));
  const words = ["cluster", "release", name, "--yes", "--force", "--config", file];
  const { status } = await runProgram(at("dist/native/ipvlan"), words, { CNI_PATH: at("dist/pkg") }, "");
  return status;
}

t.test("a node that trusts its claims after a boot gives nothing that the store does not say is its own", async (t) => {
  const network = "trusting";
  const subnets = [{ subnet: "10.20.0.0/24", ipRange: "10.20.0.0/29" }];
  const cluster = { ...store.access, blockSize: { ipv4: 30, ipv6: 126 }, trustAfterBoot: true };
  const [a, b] = makeNodes({ driver, folder, network, subnets, cluster }) as [Node, Node];
  await a.add("c1");
  await b.add("b1");
  const [block] = a.claims().blocks as [string];
  a.reboot();
  // Its first contact, for another address, ends behind each of its removals.
  api.cut = (request) => {
    if (!request.startsWith("DELETE ")) return undefined;
    killChildren(at("dist/pkg/ipvlan-node"));
    return "after";
  };
  t.teardown(() => {
    api.cut = undefined;
  });
  await a.add("r", "10.20.0.77").catch(() => []);
  api.cut = undefined;
  await a.add("c2").catch(() => []);
  for (let i = 0; i < 6; i++) await b.add(`b${i}`).catch(() => []);
  const all = [a, b].flatMap((node) => [...node.held().keys()]);
  t.equal(new Set(all).size, all.length, `held twice: ${all.sort().join(" ")}`);
  t.match(JSON.parse((await store.contents()).get(`blocks/${network}/${block.replace("/", "-")}`) ?? "{}"), {
    node: a.name,
  });
});

/** Kills the programs of that file that this process has started, by way of others too. */
function killChildren(file: string): void {
  const parentOf = (pid: number): number =>
    Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  for (const pid of readdirSync("/proc").map(Number)) {
    try {
      if (Number.isNaN(pid) || readlinkSync(`/proc/${pid}/exe`) !== file) continue;
      let ancestor = pid;
      while (ancestor > 1 && ancestor !== process.pid) ancestor = parentOf(ancestor);
      if (ancestor === process.pid) process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile, or is the kernel's.
    }
  }
}
