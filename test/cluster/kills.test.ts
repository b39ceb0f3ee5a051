// With a pool of several nodes: the plugin is killed before each of its system calls that changes something. Whatever it leaves, no
// address is held by two, nobody else loses one, and what nobody holds comes back, here and in the store.
//
// At all of them with npm run cluster, at a twelfth with the whole suite.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { at } from "../../build/paths.ts";
import { type Command, findStrace, type Kill } from "../crash/lib/strace.ts";
import { buildDriver } from "../differential/lib/executable.ts";
import { makeNodes, type Node } from "./lib/node.ts";
import { standInStore } from "./lib/store.ts";

t.setTimeout(0); // the runner limits the file's time
const every = process.env.IPVLAN_TEST_OPERATIONS === undefined ? 12 : 1;
const strace = await findStrace();
const driver = await buildDriver(t);
const folder = mkdtempSync(join(tmpdir(), "ipvlan-crash-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const { store } = await standInStore(folder);
t.teardown(() => store.stop());

interface Scenario {
  readonly before: (a: Node, b: Node) => Promise<unknown>;
  /** Of the plugin's, or of the command line's `ipvlan cluster`. */
  readonly command: "ADD" | "DEL" | "GC" | "sync";
  /** By whose name the container of the command comes. */
  readonly pod?: string;
  /** The address that it asks for. */
  readonly asks?: string;
}

/** Of a block of four addresses three or all are given. */
const fill = async (node: Node): Promise<void> => {
  for (let i = 0; i < 5; i++) await node.add(`full${i}`);
};

/** Some blocks, all but one of them empty for so long that the next contact gives them back. */
const fillAndEmpty = async (node: Node): Promise<void> => {
  await fill(node);
  for (let i = 0; i < 5; i++) await node.del(`full${i}`);
  node.amend((claims) => ({
    ...claims,
    emptySince: Object.fromEntries(claims.blocks.map((block: string) => [block, 1])),
  }));
};

const scenarios: Readonly<Record<string, Scenario>> = {
  "the first ADD": { before: (_, b) => b.add("other"), command: "ADD" },
  "ADD from a block at hand": { before: (a) => a.add("x"), command: "ADD" },
  "ADD that finds the blocks full": {
    async before(a) {
      await fill(a);
      while ((await a.add(`more${a.held().size}`)) && a.held().size % 4 !== 3);
    },
    command: "ADD",
  },
  "ADD of an address in nobody's block": {
    before: (a) => a.add("x"),
    command: "ADD",
    asks: "10.60.0.250",
  },
  "the first ADD after a boot": {
    async before(a) {
      await fill(a);
      a.reboot();
    },
    command: "ADD",
  },
  "ADD that gives empty blocks back": {
    before: fillAndEmpty,
    command: "ADD",
    asks: "10.60.0.250",
  },
  "GC that gives empty blocks back": {
    async before(a) {
      await fillAndEmpty(a);
      for (const container of ["victim", "x"]) await a.add(container);
    },
    command: "GC",
  },
  "ipvlan cluster sync that gives empty blocks back": { before: fillAndEmpty, command: "sync" },
  "ipvlan cluster sync, the first contact after a boot": {
    async before(a) {
      await fill(a);
      a.reboot();
    },
    command: "sync",
  },
  DEL: { before: (a) => a.add("victim"), command: "DEL" },
  "the first ADD of a name": { before: (a) => a.add("x"), command: "ADD", pod: "web-0" },
  "ADD of a name that was elsewhere": {
    async before(a, b) {
      await a.add("x");
      await b.addPod("web-0", "earlier");
      await b.del("earlier", "web-0");
    },
    command: "ADD",
    pod: "web-0",
  },
  "DEL of a name": { before: (a) => a.addPod("web-0", "victim"), command: "DEL", pod: "web-0" },
};

let serial = 0;
for (const [name, scenario] of Object.entries(scenarios)) {
  t.test(name, async (t) => {
    const first = await prepare(scenario);
    const places = await strace.places(first.command);
    t.ok(places.length > 3, `${places.length} places`);
    let killed = 0;
    const step = Math.min(every, places.length);
    const begin = serial % step;
    const chosen = places.filter((_, index) => index % step === begin);
    for (const place of chosen) {
      const { a, b, command } = await prepare(scenario);
      const kept = heldBy(a, b);
      if (await strace.kill(command, place)) killed++;
      await examine(a, b, kept, scenario).catch((error) => t.fail(`${textOf(place)}: ${error.message}`));
    }
    t.ok(killed >= chosen.length - 2, `killed at ${killed} of ${chosen.length}`);
  });
}

const textOf = ({ call, when }: Kill): string => `killed before ${call} number ${when}`;

async function prepare({ before, command, pod, asks }: Scenario) {
  const [a, b] = makeNodes(
    {
      driver,
      folder,
      network: `kill${serial++}`,
      subnets: [{ subnet: "10.60.0.0/24", ipRange: "10.60.0.0/25" }],
      cluster: { ...store.access, blockSize: { ipv4: 30, ipv6: 126 } },
      ipam: { sticky: true },
    },
    ["a", "b"],
  ) as [Node, Node];
  await before(a, b);
  return { a, b, command: { ...commandOf(a, command, pod, asks), dataDir: a.dataDir } };
}

function commandOf(
  node: Node,
  command: Scenario["command"],
  pod: string | undefined,
  asks: string | undefined,
): Omit<Command, "dataDir"> {
  if (command === "sync") {
    const { cniVersion, name, ...entry } = node.config() as { cniVersion: string; name: string };
    const file = join(folder, `${node.name}.conflist`);
    writeFileSync(file, JSON.stringify({ cniVersion, name, plugins: [entry] }));
    const args = ["cluster", "sync", "--config", file];
    return { file: at("dist/native/ipvlan"), args, variables: { CNI_PATH: at("dist/pkg") }, stdin: "" };
  }
  const others = [...node.held().values()].filter((holder) => holder !== "victim");
  const more = {
    ...(asks === undefined ? {} : { args: { cni: { ips: [asks] } } }),
    ...(command === "GC"
      ? { "cni.dev/valid-attachments": others.map((containerID) => ({ containerID, ifname: "eth0" })) }
      : {}),
  };
  return { file: driver, args: [], ...node.invocation(command, "victim", node.config({}, more), pod) };
}

/** Addresses of the containers, by holder; of a node that was off, none. */
function heldBy(...nodes: readonly Node[]): Map<string, string> {
  const all = nodes.filter(({ isOff }) => !isOff).flatMap((node) => [...node.held()]);
  return new Map(all.filter(([, holder]) => holder !== "victim" && !holder.startsWith("=")).map(([a, h]) => [h, a]));
}

/** The blocks that the node gives addresses from. */
function blocksOf(node: Node): string[] {
  try {
    return node.claims().blocks;
  } catch {
    // It has never asked.
    return [];
  }
}

function isIn(contents: ReadonlyMap<string, string>, node: Node, block: string): boolean {
  const value = contents.get(`blocks/${node.network}/${block.replace("/", "-")}`);
  return value !== undefined && JSON.parse(value).node === node.name;
}

async function examine(a: Node, b: Node, kept: ReadonlyMap<string, string>, { pod, asks }: Scenario): Promise<void> {
  const claimed = await store.contents();
  const keeps = (when: string) => {
    const now = heldBy(a, b);
    for (const [holder, address] of kept) {
      if (now.get(holder) !== address) throw new Error(`${holder} has lost ${address} ${when}`);
    }
    const all = [a, b].flatMap((node) => [...node.held()].filter(([, holder]) => !holder.startsWith("=")));
    if (new Set(all.map(([address]) => address)).size !== all.length)
      throw new Error(`held twice ${when}: ${all.join(" ")}`);
  };
  keeps("after the crash");
  const strange = a.isOff ? [] : blocksOf(a).filter((block) => !isIn(claimed, a, block));
  if (strange.length > 0)
    throw new Error(`${a.name} gives from ${strange.join(" ")}, which the store does not say is its own`);
  for (const node of [a, b]) await node.add("next");
  keeps("after the next ADDs");
  await a.del("victim", pod);
  const again = asks === undefined ? await a.addPod(pod, "victim") : await a.add("victim", asks);
  if (again.length !== 1) throw new Error(`the container again: ${again.join(" ")}`);
  keeps("after the container came again");
  // To the end of all containers, and a contact of each node, by a name.
  for (const node of [a, b]) {
    for (const holder of new Set(node.held().values())) await node.del(holder, holder === "victim" ? pod : undefined);
    await node.addPod("last-0", "last");
    await node.del("last", "last-0");
    if (node.held().size > 0) throw new Error(`${node.name} still holds ${[...node.held()].join(" ")}`);
  }
  const contents = [...(await store.contents())].map(([key, value]) => ({ key, ...JSON.parse(value) }));
  const own = contents.filter(({ key }) => key.split("/")[1] === a.network);
  for (const node of [a, b]) {
    const stored = own.filter((one) => one.key.startsWith("blocks/") && one.node === node.name);
    const known = node.claims().blocks.map((block: string) => block.replace("/", "-"));
    const lost = stored.map(({ key }) => key.split("/")[2]).filter((block) => !known.includes(block));
    if (lost.length > 0) throw new Error(`${node.name} does not know of its ${lost.join(" ")}`);
  }
  const single = own.filter(({ key, name }) => /^addresses\/[^/]+\/[^/]+$/.test(key) && name === undefined);
  if (single.length > 0) throw new Error(`claimed for nobody: ${single.map(({ key }) => key).join(" ")}`);
  const busy = own.filter((one) => one.key.startsWith("names/") && one.idle !== true);
  if (busy.length > 0) throw new Error(`on a node still: ${busy.map(({ key }) => key).join(" ")}`);
}
