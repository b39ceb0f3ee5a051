import type { NetworkConfig } from "../../config/network-config.ts";
import { type Address, formatAddress, formatPrefix, parsePrefix } from "../../ip/address.ts";
import { isWithin } from "../../ip/bounds.ts";
import { bootTime } from "../../ipam/boot.ts";
import { describeHolder, keptName } from "../../ipam/kept.ts";
import { fileStatus } from "../../system/files.ts";
import type { SeenAttachment } from "../attachments.ts";
import type { OwnNetwork } from "../networks.ts";
import { dataDirOf, type PoolState, poolStates, type Reserved, reservationsOf, shownSubnets } from "../pools.ts";
import { ipIn, routesAgain } from "./attachments.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** Reservations beside what containers have, and how full the pools are. */
export function checkReservations({ networks, attachments }: Patient): HostFinding[] {
  const byNetwork = Map.groupBy(attachments, ({ attachment }) => attachment.network);
  return networks.flatMap((one) => checkNetwork(one, byNetwork.get(one.config.name) ?? []));
}

function checkNetwork({ config }: OwnNetwork, attachments: readonly SeenAttachment[]): HostFinding[] {
  const dataDir = dataDirOf(config);
  if (dataDir === undefined) return [];
  const folder = `${dataDir}/${config.name}`;
  if (fileStatus(folder)?.isFolder === false) {
    const message = "a file is where the folder of the network's reservations should be";
    return [{ id: "no-folder", severity: "error", place: folder, message, mend: `rm ${folder}` }];
  }
  const reserved = reservationsOf(dataDir, config.name);
  const pools = poolStates(config);
  return [
    ...torn(folder, reserved),
    ...beforeBoot(config.name, reserved),
    ...unmatched(folder, config, reserved, attachments, pools),
    ...pools.flatMap((pool) => full(config.name, pool, attachments)),
  ];
}

/** What a process that was killed, or a power failure, leaves. */
function torn(folder: string, reserved: readonly Reserved[]): HostFinding[] {
  return reserved
    .filter(({ holder }) => holder === undefined)
    .map(({ address }) => ({
      id: "reservation-torn",
      severity: "warning",
      place: `${folder}/${formatAddress(address)}`,
      message: "the file names no holder, and keeps the address from being given",
      mend: `rm ${folder}/${formatAddress(address)}`,
    }));
}

function beforeBoot(network: string, reserved: readonly Reserved[]): HostFinding[] {
  const booted = bootTime();
  const old = reserved.filter(
    ({ since, holder }) =>
      holder !== undefined &&
      keptName(holder) === undefined &&
      booted !== undefined &&
      BigInt(since) * 1_000_000n < booted,
  );
  if (old.length === 0) return [];
  return [
    {
      id: "reservation-old",
      severity: "warning",
      place: `network ${network}`,
      message: `${old.length} ${old.length === 1 ? "address is" : "addresses are"} reserved since before this boot; the first ADD gives them back, too`,
      mend: `ipvlan release --dead --network ${network} --yes`,
    },
  ];
}

/** A container's address that is not reserved for it can be given to another; one that is reserved and not there is lost to it. */
function unmatched(
  folder: string,
  config: NetworkConfig,
  reserved: readonly Reserved[],
  attachments: readonly SeenAttachment[],
  pools: readonly PoolState[],
): HostFinding[] {
  const holders = new Map(reserved.map(({ address, holder }) => [formatAddress(address), holder]));
  const held = Map.groupBy(reserved, ({ holder }) => `${holder?.containerId} ${holder?.ifname}`);
  const spanOf = (address: Address) => pools.flatMap(({ spans }) => spans).find((span) => isWithin(address, span));
  return attachments.flatMap((seen): HostFinding[] => {
    const { attachment, isAlive, addresses } = seen;
    if (!isAlive) return [];
    const { containerId, ifname, netns } = attachment;
    const place = `network ${config.name}, container ${containerId} ${ifname}`;
    const own = addresses.map(parsePrefix).flatMap((prefix) => (prefix === undefined ? [] : [prefix.address]));
    const loose = own.filter((address) => {
      const holder = holders.get(formatAddress(address));
      const isOwn = holder?.containerId === containerId && (holder.ifname === ifname || holder.ifname === "");
      return !isOwn && spanOf(address) !== undefined;
    });
    const lost = (held.get(`${containerId} ${ifname}`) ?? []).filter(
      ({ address }) => !own.some((one) => one.family === address.family && one.value === address.value),
    );
    return [
      ...loose.map((address): HostFinding => {
        const holder = holders.get(formatAddress(address));
        const what =
          holder === undefined
            ? "is not reserved, and can be given to another"
            : `is reserved for ${describeHolder(holder)}`;
        return {
          id: "address-not-reserved",
          severity: "error",
          place,
          message: `its address ${formatAddress(address)} ${what}`,
          mend: `printf '%s\\r\\n%s' ${containerId} ${ifname} > ${folder}/${formatAddress(address)}`,
        };
      }),
      ...lost.map(({ address }): HostFinding => {
        const span = spanOf(address);
        const prefix = { address, length: span?.subnet.length ?? (address.family === 4 ? 32 : 128) };
        return {
          id: "address-lost",
          severity: "error",
          place,
          message: `its address ${formatAddress(address)} is not on the interface any more`,
          mend: `${ipIn(netns)} addr add ${formatPrefix(prefix)}${address.family === 6 ? " nodad" : " brd +"} dev ${ifname}${routesAgain(seen, config, [prefix])}`,
        };
      }),
    ];
  });
}

/** From this part on a pool is close to full. */
const nearlyFull = 0.9;

function full(network: string, pool: PoolState, attachments: readonly SeenAttachment[]): HostFinding[] {
  const { size, held } = pool;
  const free = size - BigInt(held);
  if (size === 0n || Number(held) / Number(size) < nearlyFull) return [];
  const dead = attachments.filter(({ isAlive }) => !isAlive).length;
  return [
    {
      id: free <= 0n ? "pool-full" : "pool-nearly-full",
      severity: free <= 0n ? "error" : "warning",
      place: `network ${network}`,
      message: `${held} of ${size} addresses of ${shownSubnets(pool)} are held: make the pool larger (ipRange, another subnet), or end containers`,
      mend: dead > 0 ? "ipvlan release --dead --yes" : undefined,
    },
  ];
}
