import { rememberedConflicts } from "../reach/known-conflicts.ts";
import { commit, version } from "../version.ts";
import { seeAttachments } from "./attachments.ts";
import { FINE, type Run } from "./command.ts";
import { ownNetworks } from "./networks.ts";
import { poolStates, shownSubnets } from "./pools.ts";
import type { Terminal } from "./terminal.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Text for Prometheus (prometheus.io, "Exposition formats"): written to a file for node_exporter, or to a scrape. */
export const metrics: Run = ({ arguments: given, terminal }) => {
  const pools = ownNetworks(given.value("config")).flatMap(({ config }) =>
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
