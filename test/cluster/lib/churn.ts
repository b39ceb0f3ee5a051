// Containers that come and go on several nodes of one pool, while the store's members are killed and stopped, nodes are rebooted, and
// nodes that are off are released; and a checker that looks at every node's files all the time.
import { setTimeout as pause } from "node:timers/promises";
import { at } from "../../../build/paths.ts";
import type { StoreConfig } from "../../../src/config/cluster.ts";
import { random } from "../../differential/lib/random.ts";
import { runProgram } from "../../differential/lib/reference.ts";
import type { Etcd } from "./etcd.ts";
import type { Node } from "./node.ts";

export interface Plan {
  /** What all claims are in, or what the API server that they are in has them in. */
  readonly etcd: Etcd;
  /** How the store is asked. */
  readonly store: StoreConfig;
  readonly nodes: readonly Node[];
  /** ADDs and DELs over all nodes. */
  readonly operations: number;
  readonly seed: number;
  /** Containers of a node at a time. */
  readonly most: number;
  /** Pods whose addresses follow them, each a container at a time, on any node. */
  readonly pods: number;
}

export interface Outcome {
  readonly adds: number;
  readonly dels: number;
  /** ADDs that found no free address, or not the store. */
  readonly refused: number;
  readonly reboots: number;
  readonly releases: number;
  /** ADDs of pods on another node than before: with the address that they had, and with another. */
  readonly followed: number;
  readonly lost: number;
  /** How often the checker has looked at all nodes. */
  readonly looks: number;
}

/**
 * @throws Error where an address is held on two nodes, or an ADD or DEL fails for another reason than a full pool or a store that is
 * away
 */
export async function churn({ etcd, store, nodes, operations, seed, most, pods }: Plan): Promise<Outcome> {
  const rng = random(seed);
  const count = { adds: 0, dels: 0, refused: 0, reboots: 0, releases: 0, looks: 0, followed: 0, lost: 0 };
  /** Each node's containers that are alive, with their addresses: also told by the plugin's answers, not by its files alone. */
  const alive = new Map(nodes.map((node) => [node, new Map<string, string[]>()]));
  const owners = new Map<string, string>();
  /** Pods that are on no node. */
  const idle = Array.from({ length: pods }, (_, i) => `p-${i}`);
  const podOf = new Map<string, string>();
  const last = new Map<string, { node: string; addresses: string }>();
  let isOver = false;
  let failure: Error | undefined;

  /** One holder an address, by all files. */
  async function check(): Promise<void> {
    while (!isOver && failure === undefined) {
      const seen = new Map<string, { node: string; holder: string }>();
      // Of a node that was off, and has not asked the store since, no container is alive: its files are given back then.
      for (const node of nodes.filter((one) => !one.isOff)) {
        for (const [address, holder] of node.held()) {
          // Kept for a name until the store has been told, while the name may be on another node already.
          if (holder.startsWith("=")) continue;
          const other = seen.get(address);
          // What was given back on one node and given on another between two looks is held by neither twice: looked at again.
          if (other !== undefined) {
            const first = nodes
              .find(({ name }) => name === other.node)
              ?.held()
              .get(address);
            const isOff = nodes.some((one) => one.isOff && (one === node || one.name === other.node));
            if (!isOff && first === other.holder && node.held().get(address) === holder) {
              throw new Error(
                `${address} is held by ${other.holder} on ${other.node} and by ${holder} on ${node.name}`,
              );
            }
          }
          seen.set(address, { node: node.name, holder });
        }
      }
      count.looks++;
      await pause(100);
    }
  }

  /** Members of the store come and go: never two at once. */
  async function disturb(): Promise<void> {
    while (!isOver && failure === undefined) {
      await pause(1000 + rng.below(1000));
      const victim = rng.chance(0.5) ? await etcd.leader() : rng.below(etcd.endpoints.length);
      if (rng.chance(0.5)) {
        await etcd.kill(victim);
        await pause(rng.below(1500));
        await etcd.restart(victim);
      } else {
        etcd.pause(victim);
        await pause(rng.below(2500));
        etcd.resume(victim);
      }
    }
  }

  /** A node at a time is off for a while: its containers are gone. Some of these are released meanwhile, by another node. */
  async function reboot(node: Node): Promise<void> {
    const containers = alive.get(node) as Map<string, string[]>;
    for (const addresses of containers.values()) for (const address of addresses) owners.delete(address);
    for (const id of containers.keys()) leave(id);
    containers.clear();
    node.reboot();
    count.reboots++;
    if (rng.chance(0.5)) {
      await release(node.name);
      count.releases++;
    }
  }

  /** The pod of a container that has gone may come up anywhere. */
  function leave(id: string): void {
    const pod = podOf.get(id);
    podOf.delete(id);
    if (pod !== undefined) idle.push(pod);
  }

  async function release(name: string): Promise<void> {
    const request = {
      operation: "release",
      store,
      timeoutMs: 10_000,
      pool: (nodes[0] as Node).network,
      node: name,
      force: true,
    };
    const { status, stdout } = await runProgram(at("dist/pkg/ipvlan-node"), [], {}, JSON.stringify(request));
    if (status !== 0 || stdout.includes('"refused"')) throw new Error(`release of ${name}: ${stdout}`);
  }

  /** Each node works until it is rebooted, with two processes at a time. */
  async function live(node: Node, own: number): Promise<void> {
    for (let life = 0; count.adds + count.dels < operations && failure === undefined; life++) {
      const until = count.adds + count.dels + operations / 10 + rng.below(Math.ceil(operations / 10));
      const goOn = () => count.adds + count.dels < Math.min(until, operations);
      await Promise.all([0, 1].map((process) => workUntil(node, own * 1000 + life * 2 + process, goOn)));
      if (count.adds + count.dels < operations) await reboot(node);
    }
  }

  async function workUntil(node: Node, own: number, goOn: () => boolean): Promise<void> {
    const mine = random(own + seed);
    const containers = alive.get(node) as Map<string, string[]>;
    for (let serial = 0; goOn() && failure === undefined; serial++) {
      const pod = mine.chance(0.05) ? idle.splice(mine.below(Math.max(1, idle.length)), 1)[0] : undefined;
      const id = `${node.name}-${own}-${serial}`;
      await step(node, containers, { id, pod }, mine.chance(0.5), (list) => mine.pick(list));
    }
  }

  async function step(
    node: Node,
    containers: Map<string, string[]>,
    { id, pod }: { id: string; pod: string | undefined },
    wish: boolean,
    pick: (list: string[]) => string,
  ): Promise<void> {
    if (containers.size < 2 || (containers.size < most && wish)) {
      let addresses: string[];
      try {
        addresses = await node.addPod(pod, id);
      } catch (error) {
        if (pod !== undefined) idle.push(pod);
        const { code, message } = error as { code: number; message: string };
        if (code !== 11) throw new Error(`${node.name}: ADD: ${message}`);
        count.refused++;
        await pause(20);
        return;
      }
      count.adds++;
      for (const address of addresses) {
        const other = owners.get(address);
        if (other !== undefined) throw new Error(`${address} was given to ${id} while ${other} held it`);
        owners.set(address, id);
      }
      containers.set(id, addresses);
      if (pod !== undefined) noteMove(node.name, id, pod, String(addresses));
      return;
    }
    if (pod !== undefined) idle.push(pod);
    const victim = pick([...containers.keys()]);
    for (const address of containers.get(victim) ?? []) owners.delete(address);
    containers.delete(victim);
    await node.del(victim, podOf.get(victim));
    leave(victim);
    count.dels++;
  }

  function noteMove(node: string, id: string, pod: string, addresses: string): void {
    const before = last.get(pod);
    if (before !== undefined && before.node !== node) before.addresses === addresses ? count.followed++ : count.lost++;
    last.set(pod, { node, addresses });
    podOf.set(id, pod);
  }

  /** What an earlier boot left goes with the first ADD of the next one. */
  async function settle(node: Node): Promise<void> {
    for (let attempt = 0; attempt < 20; attempt++) {
      // By a name, since such an ADD and its DEL speak with the store.
      const pod = `${node.name}-0`;
      const added = await node.addPod(pod, "last").catch((error) => error as { code: number });
      if (Array.isArray(added)) return node.del("last", pod);
      if (added.code !== 11) throw added;
      await pause(200);
    }
  }

  const fail = (error: Error): void => {
    failure ??= error;
  };
  const others = [check().catch(fail), disturb().catch(fail)];
  await Promise.all(nodes.map((node, i) => live(node, i + 1).catch(fail)));
  isOver = true;
  await Promise.all(others);
  if (failure !== undefined) throw new Error(`${(failure as Error).message} (seed ${seed})`);
  for (const node of nodes) {
    for (const id of (alive.get(node) as Map<string, string[]>).keys()) await node.del(id, podOf.get(id));
    await settle(node);
  }
  return count;
}
