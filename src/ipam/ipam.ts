import type { Attachment } from "../cni/gc.ts";
import type { Dns, Result } from "../cni/result.ts";
import type { NetworkConfig, Route } from "../config/network-config.ts";
import type { Address, Prefix } from "../ip/address.ts";

/** What a container gets from its IPAM. */
export interface Allocation {
  /** Host addresses with their subnets' lengths. */
  readonly addresses: readonly { readonly address: Prefix; readonly gateway: Address | undefined }[];
  /** As configured, or as the delegate returned them. */
  readonly routes: readonly Route[];
  readonly dns: Dns | undefined;
  /** The network's subnets, where the IPAM knows more of them than those of the addresses. */
  readonly subnets?: readonly Prefix[];
}

export interface IpamContext extends Attachment {
  readonly config: NetworkConfig;
  /** Standard input as it came and the CNI environment, for delegation. */
  readonly stdin: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Addresses and routes of the host, which a default pool must not overlap; called only when one is chosen. */
  readonly hostPrefixes: (within: readonly Prefix[]) => readonly Prefix[];
  /** Whether the address is one of the parent's namespace itself, which the built-in allocator gives to no container. */
  readonly isHostAddress: (address: Address) => boolean;
}

/** Every method throws {@link PluginError}. */
export interface Ipam {
  /**
   * Whether `del` and `gc` need the container's interface, as another program may: DHCP's gives the lease back over it. It goes
   * after them then, as in the reference plugin; else before, so that no address is free while an interface has it.
   */
  readonly releasesOverLink: boolean;
  /**
   * Reserves the container's addresses; nothing stays reserved when it throws.
   * @param avoided addresses that turned out to be in use: the built-in allocator and host-local give others, but where these
   *   were asked for by name
   */
  add(avoided?: readonly Address[]): Allocation;
  /** Gives the reservation back; succeeds when there is none. */
  del(): void;
  /** Throws {@link ErrorCode.checkFailed} where the addresses of `previous` are not reserved for this container. */
  check(previous: Result): void;
  /** Gives back every reservation of the network that is of none of these attachments. */
  gc(valid: readonly Attachment[]): void;
  /**
   * Throws {@link ErrorCode.notAvailable} with the reason where no ADD could get an address. A full pool is no such reason: a
   * runtime would take the whole node for unready, and end up by evicting those who hold the addresses.
   */
  status(): void;
}
