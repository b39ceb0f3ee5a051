import { port } from "#system";
import type { Flag, Mode } from "../config/network-config.ts";
import { ErrorCode, PluginError } from "../errors.ts";
import { hash64 } from "../hash.ts";
import { createIpvlan, deleteLink, type Link } from "../netlink/link.ts";
import { execute, NetlinkError, type NetlinkSocket, transact } from "../netlink/socket.ts";
import { Errno } from "../system/errno.ts";
import { flags, modes } from "./modes.ts";
import { explainBusy } from "./parent/usable.ts";

export interface IpvlanRequest {
  readonly ifname: string;
  readonly mode: Mode;
  readonly flag: Flag;
  /** Bytes; 0: the parent's. */
  readonly mtu: number;
}

/**
 * `ifalias` of a container's link: whose it is. Paths of namespaces, their inode numbers and interface indexes are all used
 * again by the kernel, so DEL of an old container could meet the interface of a new one.
 */
export function ownerAlias(containerId: string): string {
  const alias = `ipvlan-cni ${containerId}`;
  // IFALIASZ without the terminating NUL.
  return alias.length <= 255 ? alias : `${alias.slice(0, 200)}~${hash64(alias)}`;
}

/** Whether the link is this container's. One without an alias may come from the reference plugin or from an ADD that was killed. */
export function isOwnedBy(link: Link, containerId: string): boolean {
  return link.kind === "ipvlan" && (link.alias === ownerAlias(containerId) || link.alias === "");
}

/**
 * Makes the ipvlan link in the container's namespace, down and without addresses.
 * @param lower socket in the parent's namespace
 * @param namespaceFd the container's namespace; undefined: the parent's own
 * @param index of the new link, see {@link freeIndex}
 * @returns the kernel's refusal
 */
export function createInNamespace(
  lower: NetlinkSocket,
  parent: Link,
  namespaceFd: number | undefined,
  index: number,
  request: IpvlanRequest,
): NetlinkError | undefined {
  // With an index of our own choice the link gets its name at once. Without, kernels before 6.14 look the name up in the socket's
  // namespace, where the host's own eth0 has it, and a temporary name would have to be changed: 15 ms, since dev_change_name
  // waits for all processors.
  const { ifname: name, mtu, mode, flag } = request;
  const numbers = { mode: modes[mode].number, flags: flags[flag] };
  return transact(lower, [createIpvlan({ name, index, lower: parent.index, namespaceFd, mtu, ...numbers })])[0];
}

/** From here on are the indexes of the links that this plugin makes: the kernel's own counting does not get to them. */
export const leastFreeIndex = 2 ** 20;

/**
 * An index that hardly any link has.
 * @param attempt another one for each number, in this process
 */
export function freeIndex(attempt: number): number {
  const range = 2 ** 20;
  return leastFreeIndex + ((Date.now() + port.pid * 4093 + attempt * 65537) % range);
}

/** Makes sure that the kernel has ipvlan, loading its module if need be. @throws PluginError */
export function requireIpvlan(socket: NetlinkSocket): void {
  // A link without a lower device is refused by the driver itself (EINVAL), or by rtnetlink where there is no driver.
  const options = { name: temporaryName(), index: 0, lower: 0, namespaceFd: undefined, mtu: 0, mode: 0, flags: 0 };
  const [failure] = transact(socket, [createIpvlan(options)]);
  if (failure?.errno === Errno.EOPNOTSUPP || failure?.errno === Errno.EPERM) throw explainLack(failure, "l2");
}

function temporaryName(): string {
  return `ipv${port.pid.toString(36)}${Math.floor(Math.random() * 36 ** 4).toString(36)}`;
}

/** What the kernel's refusal of {@link createInNamespace} means. */
export function explainRefusal(
  failure: NetlinkError,
  lower: NetlinkSocket,
  parent: Link,
  request: IpvlanRequest,
): PluginError {
  const { errno, message } = failure;
  const { ifname, mode } = request;
  switch (errno) {
    case Errno.EEXIST:
      return new PluginError(
        ErrorCode.interfaceExists,
        `interface ${ifname} exists already in the container's namespace: choose another CNI_IFNAME or delete it first`,
        message,
      );
    case Errno.EBUSY:
      return explainBusy(lower, parent);
    case Errno.EOPNOTSUPP:
    case Errno.EPERM:
      return explainLack(failure, mode);
    case Errno.EINVAL:
      return new PluginError(
        ErrorCode.kernel,
        `the kernel refused the ipvlan on ${parent.name}: it may lack mode ${mode} or flag ${request.flag}, or ` +
          `${parent.name} is no Ethernet device`,
        message,
      );
    default:
      return new PluginError(ErrorCode.kernel, `the ipvlan on ${parent.name} could not be made`, message);
  }
}

function explainLack({ errno, message }: NetlinkError, mode: Mode): PluginError {
  const reason =
    errno === Errno.EPERM
      ? "making an ipvlan link needs CAP_NET_ADMIN: run as root"
      : mode === "l3s"
        ? "the kernel has no ipvlan or no l3s mode: modprobe ipvlan; l3s needs CONFIG_IPVLAN_L3S"
        : "the kernel has no ipvlan: modprobe ipvlan";
  return new PluginError(ErrorCode.kernel, reason, message);
}

/** Deletes the link; one that is gone already is no error. */
export function remove(socket: NetlinkSocket, link: { index: number; name: string; nsid?: number | undefined }): void {
  try {
    execute(socket, [deleteLink(link.index, link.name, link.nsid)]);
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === Errno.ENODEV)) throw error;
  }
}
