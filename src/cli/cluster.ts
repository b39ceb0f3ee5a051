import {
  type ForgetRequest,
  isFailure,
  type ReleaseReply,
  type ReleaseRequest,
  type StatusReply,
  type StatusRequest,
} from "../cluster/protocol.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { type ClusterPool, clusterPool, tellStore } from "../ipam/cluster/contact.ts";
import { fullName } from "../ipam/cluster/names.ts";
import { askStore, STORE_MS } from "../ipam/cluster/node-program.ts";
import { UsageError } from "./arguments.ts";
import { drawBlocks } from "./cluster/blocks.ts";
import { type LocalUse, localUse } from "./cluster/local-use.ts";
import { type Context, FAILED, FINE, FOUND, type Run } from "./command.ts";
import { ownNetworks } from "./networks.ts";
import { pluginFolders } from "./plugin-folders.ts";
import { printTable } from "./table.ts";

const actions: Readonly<Record<string, Run>> = { status, release, forget, sync };

export const cluster: Run = (context) => {
  const [action = "status"] = context.arguments.words;
  const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (run === undefined) {
    throw new UsageError(`cluster ${action} is unknown: there are ${Object.keys(actions).join(", ")}`);
  }
  return run(context);
};

/** The networks of this host whose pools are a cluster's. */
function allPools({ arguments: given, environment, terminal }: Context): ClusterPool[] {
  const folders = pluginFolders(environment.CNI_PATH);
  return ownNetworks(given.value("config")).flatMap(({ config }) => clusterPool(config, folders, terminal.warn) ?? []);
}

/** Of these the one of that name, or all of them. @throws UsageError where there is none */
function poolsOf(context: Context, name: string | undefined): ClusterPool[] {
  const pools = allPools(context);
  const found = name === undefined ? pools : pools.filter(({ network }) => network === name);
  if (found.length > 0) return found;
  throw new UsageError(
    name === undefined
      ? "no network of this host has ipam.cluster"
      : `no network ${name} with ipam.cluster is configured on this host`,
  );
}

/** What is asked of a pool, but for where it is. */
type Question<Request> = Omit<Request, "store" | "timeoutMs" | "pool">;

function ask<Reply extends object>(
  pool: ClusterPool,
  question: Question<StatusRequest> | Question<ReleaseRequest> | Question<ForgetRequest>,
): Reply {
  const { store } = pool.cluster;
  const answer = askStore<Reply>(pool.folders, { ...question, store, timeoutMs: STORE_MS, pool: pool.network });
  if (!isFailure(answer)) return answer;
  const isAway = answer.failure === "unreachable";
  const message = isAway ? `network ${pool.network}: the store is not reached: ${answer.message}` : answer.message;
  throw new PluginError(isAway ? ErrorCode.tryAgainLater : ErrorCode.invalidConfiguration, message);
}

function status(context: Context): number {
  const { arguments: given, terminal } = context;
  const [, name, ...more] = given.words;
  if (more.length > 0) throw new UsageError("one network is wanted");
  const all = poolsOf(context, name).map((pool) => ({
    pool,
    store: ask<StatusReply>(pool, { operation: "status" }),
    here: localUse(pool),
  }));
  if (given.has("json"))
    terminal.printJson({
      pools: all.map(({ pool, store, here }) => poolJson(pool.network, store, here)),
    });
  else for (const { pool, store, here } of all) printPool(context, pool, store, here);
  return all.some(({ here }) => here.strange.length > 0) ? FOUND : FINE;
}

function poolJson(network: string, store: StatusReply, here: LocalUse): object {
  const { node } = here;
  return {
    network,
    node: node ?? null,
    blockSize: store.blockSize ?? null,
    blocks: store.blocks.map(({ block, node: owner, since }) => ({
      block,
      node: owner,
      since,
      held: owner === node ? (here.heldIn.get(block) ?? 0) : null,
    })),
    addresses: store.addresses.map(({ address, node: owner, since }) => ({ address, node: owner, since })),
    names: store.names.map(({ name, node: at, since, addresses }) => ({ name, node: at ?? null, since, addresses })),
    nodes: store.nodes.map(({ node: one, seen }) => ({ node: one, seen })),
    held: here.held,
    capacity: Number(here.capacity),
    notOurs: here.strange,
    unreachedSince: here.unreachedSince ?? null,
  };
}

function printPool({ terminal }: Context, pool: ClusterPool, store: StatusReply, here: LocalUse): void {
  const { network, cluster: own } = pool;
  const size = store.blockSize;
  terminal.print(
    `${network}: ${size === undefined ? "no node has asked for a block yet" : `blocks of /${size.ipv4} and /${size.ipv6}`}; ` +
      `this node is ${here.node ?? "not known there"}, with ${here.held} of ${here.capacity} addresses held`,
  );
  for (const line of drawBlocks(pool.subnets, own.blockSize, store)) terminal.print(line);
  const nodes = [...new Set([...store.blocks, ...store.addresses, ...store.nodes].map(({ node }) => node))].sort();
  const rows = nodes.map((node) => {
    const blocks = store.blocks.filter((one) => one.node === node).map(({ block }) => block);
    const alone = store.addresses.filter((one) => one.node === node).map(({ address }) => address);
    const seen = store.nodes.find((one) => one.node === node)?.seen ?? "never";
    return [node, String(blocks.length), String(alone.length), seen, [...blocks, ...alone].join(" ") || "-"];
  });
  printTable(terminal, ["NODE", "BLOCKS", "ADDRESSES", "SEEN", "WHICH"], rows);
  if (store.names.length > 0) {
    const named = store.names.map(({ name, node, since, addresses }) => [
      name,
      node ?? "-",
      since,
      addresses.join(" ") || "-",
    ]);
    printTable(terminal, ["NAME", "NODE", "SINCE", "ADDRESSES"], named);
  }
  for (const address of here.strange) {
    terminal.warn(`network ${network}: a container of this node holds ${address}, which is not this node's any more`);
  }
}

function release(context: Context): number {
  const { arguments: given, terminal } = context;
  const [, node, ...more] = given.words;
  if (node === undefined || more.length > 0) throw new UsageError("one node is wanted: ipvlan cluster release NODE");
  const pools = poolsOf(context, given.value("network"));
  terminal.print(
    `the claims of the node ${node} in ${pools.map(({ network }) => network).join(", ")} go to whoever asks first`,
  );
  if (!given.has("yes") && !terminal.ask(`is ${node} off, or gone for ever?`)) {
    terminal.warn("nothing is released: --yes does it");
    return FOUND;
  }
  for (const pool of pools) {
    if (node === localUse(pool).node && !given.has("force")) {
      terminal.warn(`${node} is this node, and its containers would lose their addresses to others: --force does it`);
      return FAILED;
    }
    const { released } = ask<ReleaseReply>(pool, { operation: "release", node, force: given.has("force") });
    terminal.print(
      `${pool.network}: ${released.length === 0 ? "nothing was claimed" : `released ${released.join(", ")}`}`,
    );
  }
  return FINE;
}

function forget(context: Context): number {
  const { arguments: given, terminal } = context;
  const [, pod, interfaceName = "eth0", ...more] = given.words;
  if (pod === undefined || more.length > 0) {
    throw new UsageError("one name is wanted, and perhaps its interface's: ipvlan cluster forget NAMESPACE/POD [eth0]");
  }
  const name = fullName(pod, interfaceName);
  const pools = poolsOf(context, given.value("network")).filter(({ isSticky }) => isSticky);
  if (pools.length === 0) throw new UsageError("no such network has ipam.sticky");
  if (!given.has("yes") && !terminal.ask(`are the addresses of ${name} to go to others?`)) {
    terminal.warn("nothing is forgotten: --yes does it");
    return FOUND;
  }
  for (const pool of pools) {
    const { released } = ask<ReleaseReply>(pool, { operation: "forget", name });
    terminal.print(`${pool.network}: ${released.length === 0 ? "it had no address" : `forgot ${released.join(", ")}`}`);
  }
  return FINE;
}

function sync(context: Context): number {
  const { arguments: given, terminal } = context;
  const [, name, ...more] = given.words;
  if (more.length > 0) throw new UsageError("one network is wanted");
  let code = FINE;
  // A timer calls this on every host.
  const pools = name === undefined ? allPools(context) : poolsOf(context, name);
  for (const pool of pools) {
    const { failure } = tellStore(pool);
    const { held, capacity, strange } = localUse(pool);
    if (failure !== undefined) {
      terminal.warn(`network ${pool.network}: the store is not reached since ${failure.since}: ${failure.message}`);
      code = FAILED;
    } else terminal.print(`${pool.network}: ${held} of ${capacity} addresses held`);
    if (strange.length > 0 && code === FINE) code = FOUND;
  }
  return code;
}
