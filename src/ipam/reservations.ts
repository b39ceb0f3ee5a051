// What the built-in allocator and host-local do alike with the reservations of a network.
import type { Attachment } from "../cni/gc.ts";
import type { Result } from "../cni/result.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress } from "../ip/address.ts";
import { errnoName, SystemError } from "../system/errno.ts";
import { exhausted } from "./exhausted.ts";
import { inSpan, ring, type Span } from "./span.ts";
import { type Store, withStore } from "./store.ts";

/** Gives back the reservations of all attachments but these. */
export function releaseOthers(dataDir: string, network: string, valid: readonly Attachment[]): void {
  const interfaces = new Set(valid.map(({ containerId, ifname }) => `${containerId} ${ifname}`));
  const containers = new Set(valid.map(({ containerId }) => containerId));
  withStore(dataDir, network, false, (store) => {
    for (const { name, holder } of store.scan()) {
      const { containerId, ifname } = holder;
      const kept = ifname === "" ? containers.has(containerId) : interfaces.has(`${containerId} ${ifname}`);
      if (!kept) store.release(holder, [name]);
    }
  });
}

/** CHECK: the attachment holds an address, and every address of `previous` that is in these spans. */
export function checkHeld(
  dataDir: string,
  network: string,
  attachment: Attachment,
  spans: readonly Span[],
  previous: Result,
): void {
  const holder = { containerId: attachment.containerId, ifname: attachment.ifname };
  const held =
    withStore(dataDir, network, false, (store) => {
      store.open(holder.containerId, false);
      const { named, unnamed } = store.find(holder);
      return [...named, ...unnamed];
    }) ?? [];
  const who = `${holder.containerId} ${holder.ifname}`;
  if (held.length === 0) {
    throw new PluginError(ErrorCode.checkFailed, `no address of network ${network} is reserved for ${who}`);
  }
  for (const { address } of previous.ips) {
    if (!spans.some((span) => inSpan(span, address.address))) continue;
    const name = formatAddress(address.address);
    if (!held.includes(name)) {
      throw new PluginError(ErrorCode.checkFailed, `${name} is not reserved for ${who} in network ${network}`);
    }
  }
}

/** Spans of which one must have a free address, and what of them is never given. */
export interface Choice {
  readonly spans: readonly Span[];
  readonly never: readonly Address[];
}

/** STATUS: reservations can be written, and each choice has a free address. */
export function checkAvailable(dataDir: string, network: string, choices: readonly Choice[]): void {
  try {
    withStore(dataDir, network, true, (store) => {
      // As ADD does: what is left of an earlier boot or a crash makes no pool full.
      store.open("", true);
      const taken = new Set(store.names());
      for (const { spans, never } of choices) {
        if (hasFree(spans, never, taken)) continue;
        throw new PluginError(ErrorCode.notAvailable, exhausted(store, spans, never, undefined).message, "/ipam");
      }
    });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const message = `addresses cannot be reserved in ${dataDir}: ${error.path}: ${errnoName(error.errno)}`;
    throw new PluginError(ErrorCode.notAvailable, message, `${error.call} ${errnoName(error.errno)}`);
  }
}

function hasFree(spans: readonly Span[], never: readonly Address[], taken: ReadonlySet<string>): boolean {
  const candidates = ring(spans, undefined, never);
  for (let address = candidates(); address !== undefined; address = candidates()) {
    if (!taken.has(formatAddress(address))) return true;
  }
  return false;
}

/** What a container already holds in these spans: one more address would leak when it is given another. */
export function refuseSecond(attachment: Attachment, spans: readonly Span[], held: readonly Address[]): void {
  const found = held.find((address) => spans.some((span) => inSpan(span, address)));
  if (found === undefined) return;
  const who = `${attachment.containerId} ${attachment.ifname}`;
  const message = `${formatAddress(found)} is already allocated to ${who}; run DEL before another ADD`;
  throw new PluginError(ErrorCode.addressTaken, message);
}

/** The error for an address asked for that somebody holds. */
export function addressTaken(store: Store, name: string): PluginError {
  const holder = store.holderOf(name);
  const who = holder === undefined ? "taken" : `held by ${holder.containerId} ${holder.ifname}`.trimEnd();
  return new PluginError(ErrorCode.addressTaken, `requested address ${name} is ${who}`);
}
