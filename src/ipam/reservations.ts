// What the built-in allocator and host-local do alike with the reservations of a network.
import type { Attachment } from "../cni/gc.ts";
import type { Result } from "../cni/result.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress } from "../ip/address.ts";
import { type Bounds, finder } from "../ip/bounds.ts";
import { errnoName, SystemError } from "../system/errno.ts";
import { remedy } from "../system/remedy.ts";
import { describeHolder } from "./kept.ts";
import { type Holder, type Store, withStore } from "./store.ts";

/** Gives back the reservations of all attachments but these. */
export function releaseOthers(dataDir: string, network: string, valid: readonly Attachment[]): void {
  const interfaces = new Set(valid.map(({ containerId, ifname }) => `${containerId} ${ifname}`));
  const containers = new Set(valid.map(({ containerId }) => containerId));
  const isValid = ({ containerId, ifname }: Holder) =>
    ifname === "" ? containers.has(containerId) : interfaces.has(`${containerId} ${ifname}`);
  withStore(dataDir, network, false, (store) => store.scan(false, isValid));
}

/** CHECK: the attachment holds an address, and every address of `previous` that is in these spans. */
export function checkHeld(
  dataDir: string,
  network: string,
  attachment: Attachment,
  spans: readonly Bounds[],
  previous: Result,
): void {
  const holder = { containerId: attachment.containerId, ifname: attachment.ifname };
  const held = new Set(
    withStore(dataDir, network, false, (store) => {
      store.open(holder.containerId, false);
      const { named, unnamed } = store.find(holder);
      return [...named, ...unnamed];
    }) ?? [],
  );
  const who = `${holder.containerId} ${holder.ifname}`;
  if (held.size === 0) {
    throw new PluginError(ErrorCode.checkFailed, `no address of network ${network} is reserved for ${who}`);
  }
  const spanOf = finder(spans);
  for (const { address } of previous.ips) {
    const name = formatAddress(address.address);
    if (spanOf(address.address) !== undefined && !held.has(name)) {
      throw new PluginError(ErrorCode.checkFailed, `${name} is not reserved for ${who} in network ${network}`);
    }
  }
}

/**
 * STATUS: reservations can be written. Whether one is free is no question of it, see {@link Ipam.status}.
 * @param more what else ADD would need
 */
export function checkAvailable(dataDir: string, network: string, more = () => {}): void {
  try {
    withStore(dataDir, network, true, () => {});
    more();
  } catch (error) {
    if (error instanceof PluginError) throw new PluginError(ErrorCode.notAvailable, error.message, error.details);
    if (!(error instanceof SystemError)) throw error;
    const fault = `${errnoName(error.errno)}${remedy(error.errno)}`;
    const message = `addresses cannot be reserved in ${dataDir}: ${error.path}: ${fault}`;
    throw new PluginError(ErrorCode.notAvailable, message, `${error.call} ${errnoName(error.errno)}`);
  }
}

/** @param held what the container's interface holds already: it would leak when another one is given */
export function refuseSecond(attachment: Attachment, held: Address | undefined): void {
  if (held === undefined) return;
  const who = `${attachment.containerId} ${attachment.ifname}`;
  const message = `${formatAddress(held)} is already allocated to ${who}; run DEL before another ADD`;
  throw new PluginError(ErrorCode.addressTaken, message);
}

/** The error for an address asked for that somebody holds. */
export function addressTaken(store: Store, name: string): PluginError {
  const holder = store.holderOf(name);
  const who = holder === undefined ? "taken" : `held by ${describeHolder(holder)}`;
  return new PluginError(ErrorCode.addressTaken, `requested address ${name} is ${who}`);
}
