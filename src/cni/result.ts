import type { Address, Prefix } from "../ip/address.ts";

/** What ADD reports, in the shape of CNI 1.1.0 with addresses parsed; converted to the caller's version when printed. */
export interface Result {
  readonly interfaces: readonly Interface[];
  readonly ips: readonly IpConfig[];
  readonly routes: readonly ResultRoute[];
  readonly dns: Dns;
}

export interface Interface {
  readonly name: string;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  /** Path of the namespace; absent for an interface of the host. */
  readonly sandbox?: string | undefined;
  /** Only of other plugins: passed through. */
  readonly socketPath?: string | undefined;
  /** Only of other plugins: passed through. */
  readonly pciID?: string | undefined;
}

export interface IpConfig {
  /** Host address with its subnet's length. */
  readonly address: Prefix;
  readonly gateway?: Address | undefined;
  /** Index into `interfaces`. */
  readonly interface?: number | undefined;
}

export interface ResultRoute {
  readonly dst: Prefix;
  readonly gw?: Address | undefined;
  readonly mtu?: number | undefined;
  readonly advmss?: number | undefined;
  readonly priority?: number | undefined;
  readonly table?: number | undefined;
  readonly scope?: number | undefined;
}

export interface Dns {
  readonly nameservers?: readonly string[] | undefined;
  readonly domain?: string | undefined;
  readonly search?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

export function isEmptyDns(dns: Dns): boolean {
  return !(dns.nameservers?.length || dns.domain || dns.search?.length || dns.options?.length);
}
