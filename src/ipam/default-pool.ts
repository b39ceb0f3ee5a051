import { ErrorCode, PluginError } from "../errors.ts";
import { contains, formatPrefix, overlaps, type Prefix, parseAddress, parsePrefix } from "../ip/address.ts";
import { listFolder, makeFolder, readSmall, replaceFile } from "../system/files.ts";
import { withLock } from "../system/lock.ts";

/**
 * The IPv4 pools for networks that name no IPv4 subnet, in the order in which they are taken: Docker's (moby,
 * daemon/libnetwork/ipamutils) without 172.17.0.0/16, which is docker0's: 172.18.0.0/16 to 172.31.0.0/16, then
 * 192.168.0.0/16 in steps of a /20.
 */
function* defaultPools(): Generator<Prefix, void> {
  for (let second = 18; second <= 31; second++) yield parsePrefix(`172.${second}.0.0/16`) as Prefix;
  for (let third = 0; third < 256; third += 16) yield parsePrefix(`192.168.${third}.0/20`) as Prefix;
}

/** Where all of these are. */
const poolRanges = ["172.16.0.0/12", "192.168.0.0/16"].map((text) => parsePrefix(text) as Prefix);

/** What the host has there: its addresses' subnets, and its routes' destinations. */
export type HostPrefixes = (within: readonly Prefix[]) => readonly Prefix[];

/** The pool that was chosen for the network earlier. */
export function poolOf(dataDir: string, network: string): Prefix | undefined {
  return parsePrefix(readSmall(`${poolsFolder(dataDir)}/${network}`) ?? "");
}

/** The pool that {@link choosePool} would choose; nothing is written. */
export function nextPool(dataDir: string, network: string, hostPrefixes: HostPrefixes): Prefix {
  return poolOf(dataDir, network) ?? firstFree(dataDir, network, hostPrefixes(poolRanges));
}

/**
 * The network's default pool: the one chosen earlier, else the first that overlaps neither an address or route of the
 * host, nor another network's pool or reservations under the same data folder. It is remembered until the file is
 * removed.
 * @param hostPrefixes called only when a pool is chosen; default routes in it are passed over
 */
export function choosePool(dataDir: string, network: string, hostPrefixes: HostPrefixes): Prefix {
  const chosen = poolOf(dataDir, network);
  if (chosen !== undefined) return chosen;
  const folder = poolsFolder(dataDir);
  makeFolder(folder);
  // One at a time, over all networks: two that choose at once must not choose the same.
  return withLock(`${dataDir}/.ipvlan-cni/lock`, () => {
    const pool = nextPool(dataDir, network, hostPrefixes);
    replaceFile(`${folder}/${network}`, formatPrefix(pool));
    return pool;
  });
}

function firstFree(dataDir: string, network: string, host: readonly Prefix[]): Prefix {
  const own = reservationsOf(dataDir, network);
  const pools = [...defaultPools()];
  const others = new Map<string, Prefix>();
  for (const other of listFolder(poolsFolder(dataDir))) {
    // With a dot begins what a killed process has not finished.
    const pool = other === network || other.startsWith(".") ? undefined : poolOf(dataDir, other);
    if (pool !== undefined) others.set(other, pool);
  }
  // The record was lost, and containers of this network still have addresses.
  const used = pools.find((pool) => own.some((address) => contains(pool, address.address)));
  const taken = [...host.filter(({ length }) => length > 0), ...others.values()];
  if (used !== undefined && !taken.some((prefix) => overlaps(prefix, used))) return used;
  for (const other of listFolder(dataDir)) {
    if (other !== network && !other.startsWith(".")) taken.push(...reservationsOf(dataDir, other));
  }
  const free = pools.find((pool) => !taken.some((prefix) => overlaps(prefix, pool)));
  if (free !== undefined) return free;
  const list = [...others].map(([other, pool]) => `${formatPrefix(pool)} by ${other}`).join(", ");
  const message =
    `no default IPv4 pool is free for network ${network}${list === "" ? "" : `: taken are ${list}`}; ` +
    "name a subnet in ipam.subnets, set ipam.ipv4 to false, or remove the file of a network that is gone from " +
    poolsFolder(dataDir);
  throw new PluginError(ErrorCode.poolExhausted, message, "/ipam");
}

/** IPv4 addresses that the network holds or was the last to give. */
function reservationsOf(dataDir: string, network: string): Prefix[] {
  const found: Prefix[] = [];
  for (const name of listFolder(`${dataDir}/${network}`)) {
    const text = name.startsWith("last_reserved_ip.") ? (readSmall(`${dataDir}/${network}/${name}`) ?? "") : name;
    const address = parseAddress(text);
    if (address?.family === 4) found.push({ address, length: 32 });
  }
  return found;
}

/** A file a network that has a default pool. */
function poolsFolder(dataDir: string): string {
  return `${dataDir}/.ipvlan-cni/pools`;
}
