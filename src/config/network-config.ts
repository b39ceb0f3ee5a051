import type { Dns, Result } from "../cni/result.ts";
import type { CniVersion } from "../cni/versions.ts";
import type { Address, Family, Prefix } from "../ip/address.ts";
import type { ClusterConfig } from "./cluster.ts";

/** ipvlan's modes, by the names that `ip link` and Docker use. See {@link ../link/ipvlan.ts} for the kernel's numbers. */
export type Mode = "l2" | "l3" | "l3s";
/** ipvlan's port flags. */
export type Flag = "bridge" | "private" | "vepa";

/** How the lower device is found. */
export type ParentChoice =
  /** A link by name; `vlan` is set where the name reads `BASE.VID`, and says what to make if the link is missing. */
  | { readonly kind: "named"; readonly name: string; readonly vlan: Vlan | undefined }
  /** An 802.1Q sub-interface, by the key `vlan`: this one, whatever it is called. */
  | { readonly kind: "vlan"; readonly vlan: Vlan }
  /** The link of the host's default route; of IPv4's or else IPv6's where no family is given. */
  | { readonly kind: "defaultRoute"; readonly family: Family | undefined; readonly vlan: number | undefined }
  /** The link that has an address in the subnet. */
  | { readonly kind: "subnet"; readonly subnet: Prefix; readonly vlan: number | undefined }
  /** A dummy link of this network's own: an isolated network. */
  | { readonly kind: "dummy"; readonly name: string }
  /** The interface of the previous plugin in the chain. */
  | { readonly kind: "chained"; readonly name: string };

export interface Vlan {
  readonly base: string;
  /** 1 to 4094 */
  readonly vid: number;
}

/** A route that the configuration asks for. Fields beyond dst and gw are those of CNI 1.1.0. */
export interface Route {
  readonly dst: Prefix;
  readonly gw: Address | undefined;
  readonly mtu?: number | undefined;
  readonly advmss?: number | undefined;
  readonly priority?: number | undefined;
  readonly table?: number | undefined;
  readonly scope?: number | undefined;
}

/** An address that the runtime asked for, of the built-in allocator or of host-local; the length if it gave one. */
export interface RequestedAddress {
  readonly address: Address;
  readonly length: number | undefined;
}

/** One subnet of the built-in allocator. */
export interface Subnet {
  /** Network address, host bits zero. */
  readonly subnet: Prefix;
  /**
   * The default gateway: as configured (for IPv6 a link-local address will do as well), else the first usable address;
   * undefined where the configuration wants none, the network has none (l3, l3s, isolated), or the subnet no room for one
   * (/32, /128).
   */
  readonly gateway: Address | undefined;
  /** The address that would be the gateway in a network that has none: given to a container when no other is left. */
  readonly spare: Address | undefined;
  /** First and last address that may be given, both inclusive: all usable ones, or those of ipRange. */
  readonly first: Address;
  readonly last: Address;
  /** Never given (besides the gateway): Docker's --aux-address. */
  readonly excluded: readonly Address[];
}

/** One range of host-local, defaults filled in as the reference plugin fills them in. */
export interface Range {
  readonly subnet: Prefix;
  /** First and last address that may be given, both inclusive: rangeStart and rangeEnd, but never the subnet's own addresses. */
  readonly first: Address;
  readonly last: Address;
  readonly gateway: Address;
}

export type IpamConfig =
  | {
      readonly type: "builtin";
      readonly subnets: readonly Subnet[];
      /** True: no IPv4 subnet is configured and a default pool is to be used, as Docker does. */
      readonly defaultPool: boolean;
      /** False in l3 and l3s, and where the network is isolated. */
      readonly hasGateways: boolean;
      readonly routes: readonly Route[];
      readonly dataDir: string;
      /** The subnets are those of many nodes; undefined: of this one alone. */
      readonly cluster: ClusterConfig | undefined;
      /** Addresses stay with a container's name for a while when it is gone. */
      readonly sticky: boolean;
    }
  | {
      readonly type: "host-local";
      readonly rangeSets: readonly (readonly Range[])[];
      readonly routes: readonly Route[];
      readonly dataDir: string;
      /** Path of a resolv.conf whose content becomes the result's dns. */
      readonly resolvConf: string | undefined;
    }
  | {
      readonly type: "static";
      /** The configured ones, or those that the runtime put in their place. */
      readonly addresses: readonly { readonly address: Prefix; readonly gateway: Address | undefined }[];
      readonly routes: readonly Route[];
      readonly dns: Dns | undefined;
    }
  /** Any other type: a program on CNI_PATH. */
  | { readonly type: "delegate"; readonly plugin: string }
  /** Chained without `ipam`: the addresses of prevResult. */
  | { readonly type: "previous" };

/** Host and containers reach each other, and what builds on that. */
export interface ReachConfig {
  /** Addresses of the host besides those of the parent that the containers reach. */
  readonly hostAddresses: readonly Address[];
  /** What the containers send to these passes the host's netfilter. Network addresses, host bits zero. */
  readonly serviceCIDRs: readonly Prefix[];
  /** The host answers ARP and ND for the containers. */
  readonly announce: boolean;
  /** What netfilter has sent elsewhere gets the node's address as its source where it enters a container. */
  readonly translateSource: boolean;
  /** The plugin may set the parent's rp_filter from strict to loose. */
  readonly setRpFilter: boolean;
}

/** A network configuration, checked and with every default filled in. Nothing after it asks whether a field is there. */
export interface NetworkConfig {
  readonly cniVersion: CniVersion;
  readonly name: string;
  readonly parent: ParentChoice;
  readonly mode: Mode;
  readonly flag: Flag;
  /** Bytes; 0 means the parent's. */
  readonly mtu: number;
  /** The parent is looked up in the container's namespace; by default where a chained interface is there. */
  readonly linkInContainer: boolean;
  /** No way out of the host: its parent is a dummy, asked for as `internal` or for want of another. */
  readonly isolated: boolean;
  /** `internal` is asked for: what is outside is to be unreachable, in L3 as well. */
  readonly internal: boolean;
  /** undefined: as the kernel's ipvlan is by itself. */
  readonly reach: ReachConfig | undefined;
  /** Milliseconds for which the parent's network is asked whether somebody has an address before it is used; undefined: not at all. */
  readonly conflictTimeout: number | undefined;
  readonly ipam: IpamConfig;
  /** Whether routes that nobody named may be added: not where `ipam.routes` is there and empty. */
  readonly impliedRoutes: boolean;
  /** undefined where it is absent or empty: the IPAM's counts then. */
  readonly dns: Dns | undefined;
  /** Each address once. Empty for IPAMs that see to it themselves: static (see its addresses) and other programs. */
  readonly requested: readonly RequestedAddress[];
  /** ADD: the previous plugin's. CHECK: the whole chain's, this plugin's interface in it. */
  readonly prevResult: Result | undefined;
}
