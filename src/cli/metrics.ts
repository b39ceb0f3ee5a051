import { rememberedConflicts } from "../reach/known-conflicts.ts";
import { commit, version } from "../version.ts";
import { seeAttachments } from "./attachments.ts";
import { type LocalUse, localUse } from "./cluster/local-use.ts";
import { FINE, type Run } from "./command.ts";
import { ownNetworks } from "./networks.ts";
import { poolStates, shownSubnets } from "./pools.ts";
import type { Terminal } from "./terminal.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Text for Prometheus (prometheus.io, "Exposition formats"): written to a file for node_exporter, or to a scrape. */
export const metrics: Run = ({ arguments: given, terminal }) => {
  const networks = ownNetworks(given.value("config"));
  const pools = networks.flatMap(({ config }) =>
    poolStates(config).map((pool) => ({
      labels: { network: config.name, family: `ipv${pool.spans[0]?.first.family}`, subnets: shownSubnets(pool) },
      pool,
    })),
  );
  const seen = seeAttachments();
  const byPort = Map.groupBy(seen, ({ attachment: { network, parentName, mode, flag } }) =>
    JSON.stringify({ network, parent: parentName, mode, flag }),
  );
  const counted = (isCounted: (alive: boolean) => boolean): Sample[] =>
    [...byPort].map(([labels, all]) => [JSON.parse(labels), all.filter(({ isAlive }) => isCounted(isAlive)).length]);
  print(terminal, "build_info", "Version of the plugin.", [[{ version, commit }, 1]]);
  print(
    terminal,
    "pool_addresses",
    "Addresses that a pool can give.",
    pools.map(({ labels, pool }) => [labels, Number(pool.size)]),
  );
  print(
    terminal,
    "pool_held",
    "Addresses of a pool that are reserved.",
    pools.map(({ labels, pool }) => [labels, pool.held]),
  );
  print(
    terminal,
    "pool_free",
    "Addresses of a pool that are left.",
    pools.map(({ labels, pool }) => [labels, Math.max(0, Number(pool.size - BigInt(pool.held)))]),
  );
  const clusters = networks.flatMap(({ config: { name, ipam } }) => {
    if (ipam.type !== "builtin" || ipam.cluster === undefined) return [];
    const use = localUse({ ...ipam, cluster: ipam.cluster, network: name });
    return [{ labels: { network: name, node: use.node ?? "" }, use }];
  });
  const ofClusters = (name: string, help: string, value: (use: LocalUse) => number): void =>
    print(
      terminal,
      name,
      help,
      clusters.map(({ labels, use }) => [labels, value(use)]),
    );
  ofClusters("cluster_blocks", "Blocks of a cluster's pool that this node has.", ({ blocks }) => blocks);
  ofClusters("cluster_addresses", "Addresses that this node can give from its blocks.", ({ capacity }) =>
    Number(capacity),
  );
  ofClusters("cluster_held", "Addresses of a cluster's pool that containers of this node hold.", ({ held }) => held);
  ofClusters("cluster_lost", "Of these, addresses that are not this node's any more.", ({ strange }) => strange.length);
  ofClusters("cluster_store_reached", "Whether the last try to reach the store succeeded.", ({ unreachedSince }) =>
    unreachedSince === undefined ? 1 : 0,
  );
  print(
    terminal,
    "attachments",
    "Attachments whose interface is there.",
    counted((alive) => alive),
  );
  print(
    terminal,
    "dead_attachments",
    "Attachments whose interface is gone without a DEL.",
    counted((alive) => !alive),
  );
  print(
    terminal,
    "address_conflicts",
    "Addresses that others on the parent's network were found to have in the last ten minutes.",
    [...rememberedConflicts()].map(([parent, count]) => [{ parent }, count]),
  );
  return FINE;
};

function print(terminal: Terminal, name: string, help: string, samples: readonly Sample[]): void {
  const metric = `ipvlan_cni_${name}`;
  terminal.print(`# HELP ${metric} ${help}`);
  terminal.print(`# TYPE ${metric} gauge`);
  for (const [labels, value] of samples) {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    terminal.print(`${metric}{${pairs.join(",")}} ${value}`);
  }
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
