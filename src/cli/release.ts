import { cniVersions } from "../cni/versions.ts";
import { del } from "../commands/del.ts";
import { defaultDataDir } from "../config/data-dir.ts";
import { formatAddress, parseAddress, sameAddress } from "../ip/address.ts";
import { bootTime } from "../ipam/boot.ts";
import { describeHolder, keptName } from "../ipam/kept.ts";
import { releaseReservations } from "../ipam/open.ts";
import type { Holder } from "../ipam/store.ts";
import { listFolder } from "../system/files.ts";
import { timeOf } from "./ages.ts";
import { UsageError } from "./arguments.ts";
import { type SeenAttachment, seeAttachments } from "./attachments.ts";
import { type Context, FAILED, FINE, FOUND, type Run } from "./command.ts";
import { type OwnNetwork, ownNetworks } from "./networks.ts";
import { pluginFolders } from "./plugin-folders.ts";
import { dataDirOf, reservationsOf } from "./pools.ts";

/** Something that is about to be given back. */
interface Leftover {
  readonly network: string;
  readonly holder: Holder;
  /** What of it, and why. */
  readonly reason: string;
  /** Somebody has it still, for all that is known. */
  readonly isInUse: boolean;
  release(): void;
}

export const release: Run = (context) => {
  const { arguments: given, terminal } = context;
  const networks = ownNetworks(given.value("config"));
  const [text, ...more] = given.words;
  if (given.has("dead") === (text !== undefined) || more.length > 0) {
    throw new UsageError("one address, or --dead, is wanted");
  }
  const found = text === undefined ? findDead(context, networks) : findAddress(context, networks, text);
  if (found.length === 0) {
    terminal.warn(text === undefined ? "nothing is held by what is gone" : `${text} is reserved in no network`);
    return text === undefined ? FINE : FAILED;
  }
  for (const { network, holder, reason } of found) {
    terminal.print(`${network}: ${describeHolder(holder)}: ${reason}`);
  }
  const used = found.filter(({ isInUse }) => isInUse);
  if (used.length > 0 && !given.has("force")) {
    terminal.warn("its interface is there, and another container would get its address: DEL it, or --force");
    return FAILED;
  }
  if (!given.has("yes") && !terminal.ask(`give ${found.length === 1 ? "it" : `all ${found.length}`} back?`)) {
    terminal.warn("nothing is given back: --yes does it");
    return FOUND;
  }
  for (const leftover of found) leftover.release();
  terminal.print(`${found.length} given back`);
  return FINE;
};

/** Attachments whose interface is gone, and what was reserved before this boot. */
function findDead(context: Context, networks: readonly OwnNetwork[]): readonly Leftover[] {
  const wanted = context.arguments.value("network");
  const seen = seeAttachments({ network: wanted });
  const dead = seen.filter(({ isAlive }) => !isAlive);
  const known = new Set(seen.map(({ attachment }) => keyOf(attachment.network, attachment)));
  const booted = bootTime();
  const old = networks.flatMap(({ config }) => {
    const dataDir = dataDirOf(config);
    if (dataDir === undefined || booted === undefined || (wanted !== undefined && wanted !== config.name)) return [];
    return reservationsOf(dataDir, config.name)
      .filter(
        ({ since, holder }) =>
          holder !== undefined &&
          keptName(holder) === undefined &&
          BigInt(since) * 1_000_000n < booted &&
          !known.has(keyOf(config.name, holder)),
      )
      .map(({ address, holder, since }): Leftover => {
        const { containerId, ifname } = holder as Holder;
        return {
          network: config.name,
          holder: { containerId, ifname },
          reason: `${formatAddress(address)}, reserved ${timeOf(since)}, before this boot`,
          isInUse: false,
          release: () => releaseReservations(dataDir, config.name, containerId, ifname),
        };
      });
  });
  return [...dead.map((one) => ofAttachment(context, networks, one)), ...old];
}

const keyOf = (network: string, { containerId, ifname }: Holder): string => `${network}:${containerId}:${ifname}`;

/** A DEL, as the runtime has not made it. */
function ofAttachment(
  { environment, terminal }: Context,
  networks: readonly OwnNetwork[],
  seen: SeenAttachment,
): Leftover {
  const { network, containerId, ifname, netns } = seen.attachment;
  const own = networks.find(({ config }) => config.name === network);
  const configuration = own?.network.own[0]?.entry.raw ?? {};
  const stdin = JSON.stringify({
    ...configuration,
    name: network,
    cniVersion: own?.config.cniVersion ?? cniVersions.at(-1),
  });
  const path = pluginFolders(environment.CNI_PATH);
  const variables = {
    ...environment,
    CNI_COMMAND: "DEL",
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: ifname,
    CNI_PATH: path.join(":"),
  };
  return {
    network,
    holder: { containerId, ifname },
    reason: seen.isAlive ? `its interface is in ${netns}` : `its interface is gone from ${netns}`,
    isInUse: seen.isAlive,
    release: () =>
      del({
        environment: { command: "DEL", containerId, ifname, netns, args: "", path, netnsOverride: false },
        variables,
        stdin,
        print: terminal.print,
        warn: terminal.warn,
      }),
  };
}

function findAddress(context: Context, networks: readonly OwnNetwork[], text: string): readonly Leftover[] {
  const address = parseAddress(text);
  if (address === undefined) throw new UsageError(`${text} is no address`);
  const wanted = context.arguments.value("network");
  const places = new Map(
    listFolder(defaultDataDir)
      .filter((name) => !name.startsWith("."))
      .map((name) => [name, defaultDataDir]),
  );
  for (const { config } of networks) places.set(config.name, dataDirOf(config) ?? defaultDataDir);
  const found = [...places].flatMap(([network, dataDir]): Leftover[] => {
    if (wanted !== undefined && wanted !== network) return [];
    const one = reservationsOf(dataDir, network).find((reserved) => sameAddress(reserved.address, address));
    if (one?.holder === undefined) return [];
    const { containerId, ifname } = one.holder;
    const seen = seeAttachments({ network, container: containerId }).find(
      ({ attachment }) => attachment.containerId === containerId && attachment.ifname === ifname,
    );
    const whose = `${formatAddress(address)}, reserved ${timeOf(one.since)}`;
    if (seen !== undefined) {
      const leftover = ofAttachment(context, networks, seen);
      return [{ ...leftover, reason: `${whose}; ${leftover.reason}` }];
    }
    return [
      {
        network,
        holder: one.holder,
        reason: `${whose}; no attachment of this plugin is known for it`,
        isInUse: false,
        release: () => releaseReservations(dataDir, network, containerId, ifname),
      },
    ];
  });
  if (found.length > 1) {
    throw new UsageError(`${text} is reserved in ${found.map(({ network }) => network).join(", ")}: --network NAME`);
  }
  return found;
}
