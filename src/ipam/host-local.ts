import type { Dns } from "../cni/result.ts";
import type { IpamConfig } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress, type Prefix, parseAddress, sameAddress } from "../ip/address.ts";
import { once, readText } from "../system/files.ts";
import { exhausted } from "./exhausted.ts";
import type { Allocation, Ipam, IpamContext } from "./ipam.ts";
import { addressTaken, checkAvailable, checkHeld, refuseSecond, releaseOthers } from "./reservations.ts";
import { parseResolvConf } from "./resolv-conf.ts";
import { inSpan, ring, type Span } from "./span.ts";
import { type Holder, releaseHolder, type Store, withStore } from "./store.ts";

type HostLocalConfig = Extract<IpamConfig, { type: "host-local" }>;

interface HostLocalSpan extends Span {
  readonly gateway: Address;
}

/**
 * The reference's host-local in process: one address from each range set, in the reference's order, on the reference's
 * files (plugins/ipam/host-local). Beyond it: the gateway of a neighbour range in the set is no container's either, and
 * a failed ADD gives back what it took itself, not all that the container holds.
 */
export function openHostLocal(context: IpamContext, ipam: HostLocalConfig): Ipam {
  const { name } = context.config;
  const { dataDir } = ipam;
  const sets = ipam.rangeSets.map((ranges) =>
    ranges.map(
      ({ subnet, rangeStart, rangeEnd, gateway }): HostLocalSpan => ({
        subnet,
        first: rangeStart,
        last: rangeEnd,
        gateway,
      }),
    ),
  );
  return {
    releasesOverLink: false,
    add(): Allocation {
      const dns = ipam.resolvConf === undefined ? undefined : readResolvConf(ipam.resolvConf);
      const addresses = withStore(dataDir, name, true, (store) => reserve(store, context, sets));
      return { addresses: addresses ?? [], routes: ipam.routes, dns };
    },
    del: () => releaseHolder(dataDir, name, context),
    check: (previous) => checkHeld(dataDir, name, context, sets.flat(), previous),
    gc: (valid) => releaseOthers(dataDir, name, valid),
    status: () => {
      const choices = sets.map((spans) => ({ spans, never: spans.map((span) => span.gateway) }));
      checkAvailable(dataDir, name, choices);
    },
  };
}

function reserve(
  store: Store,
  context: IpamContext,
  sets: readonly (readonly HostLocalSpan[])[],
): { address: Prefix; gateway: Address }[] {
  const holder = { containerId: context.containerId, ifname: context.ifname };
  store.open(holder.containerId, true);
  const { named, unnamed } = store.find(holder);
  const held = [...named, ...unnamed].map((text) => parseAddress(text) as Address);
  let unmet = context.config.requested.map(({ address }) => address);
  const taken: Address[] = [];
  try {
    const addresses = sets.map((spans, rangeId) => {
      const requested = unmet.find((address) => spans.some((span) => inSpan(span, address)));
      unmet = unmet.filter((address) => address !== requested);
      if (requested === undefined) refuseSecond(holder, spans, held);
      const address =
        requested === undefined
          ? next(store, holder, spans, rangeId)
          : exactly(store, holder, spans, rangeId, requested);
      taken.push(address);
      const { subnet, gateway } = spans.find((span) => inSpan(span, address)) as HostLocalSpan;
      return { address: { address, length: subnet.length }, gateway };
    });
    if (unmet.length > 0) {
      const list = unmet.map(formatAddress).join(", ");
      const message = `requested addresses that are in no range, or in one that has given its address: ${list}`;
      throw new PluginError(ErrorCode.invalidConfiguration, message);
    }
    return addresses;
  } catch (error) {
    store.release(holder, taken.map(formatAddress));
    throw error;
  }
}

function next(store: Store, holder: Holder, spans: readonly HostLocalSpan[], rangeId: number): Address {
  const gateways = spans.map((span) => span.gateway);
  const after = store.lastReserved(rangeId);
  const address = store.reserve(holder, ring(spans, after, gateways), rangeId);
  if (address === undefined) throw exhausted(store, spans, gateways, after);
  return address;
}

function exactly(
  store: Store,
  holder: Holder,
  spans: readonly HostLocalSpan[],
  rangeId: number,
  requested: Address,
): Address {
  const name = formatAddress(requested);
  if (spans.some((span) => sameAddress(span.gateway, requested))) {
    throw new PluginError(ErrorCode.invalidConfiguration, `requested address ${name} is the subnet's gateway`);
  }
  if (store.reserve(holder, once(requested), rangeId) === undefined) throw addressTaken(store, name);
  return requested;
}

function readResolvConf(path: string): Dns {
  const text = readText(path);
  if (text === undefined) {
    throw new PluginError(ErrorCode.invalidConfiguration, `resolvConf ${path} does not exist`, "/ipam/resolvConf");
  }
  return parseResolvConf(text);
}
