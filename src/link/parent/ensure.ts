import { ErrorCode, PluginError } from "../../errors.ts";
import { IFF_LOOPBACK, IFF_UP } from "../../netlink/constants.ts";
import {
  createDummy,
  createVlan,
  deleteLink,
  type Link,
  linkByName,
  nameQuery,
  readLink,
  setUp,
} from "../../netlink/link.ts";
import type { Request } from "../../netlink/message.ts";
import { exchange, NetlinkError, type NetlinkSocket } from "../../netlink/socket.ts";
import { Errno } from "../../system/errno.ts";
import type { NamedParent } from "./choose.ts";
import { mark } from "./mark.ts";
import { explainBusy, macvlanOn, refused, refuseUnusable } from "./usable.ts";

/**
 * The parent's link, made where it is missing and may be made. Call it under the parent's lock.
 * @returns `made`: by this call
 */
export function ensureParent(socket: NetlinkSocket, parent: NamedParent): { link: Link; made: boolean } {
  const existing = linkByName(socket, parent.name);
  if (existing !== undefined) {
    refuseUnusable(existing, parent);
    return { link: existing, made: false };
  }
  const creation = parent.dummy ? createDummy(parent.name) : vlanCreation(socket, parent);
  // One send for all: a process that is ended in between would leave a link without the mark, for ever.
  const { name } = parent;
  const [failure, upFailure, found] = exchange(socket, [creation, setUp(0, name, mark), nameQuery(name)]);
  if (failure instanceof NetlinkError) throw refusedCreation(failure, parent);
  const failed = [upFailure, found].find((outcome) => outcome instanceof NetlinkError);
  if (failed !== undefined || !(found instanceof Uint8Array)) {
    if (found instanceof Uint8Array) exchange(socket, [deleteLink(readLink(found).index, name)]);
    throw new PluginError(ErrorCode.parent, `parent ${name} could not be set up`, failed?.message);
  }
  return { link: readLink(found), made: true };
}

/**
 * Whether {@link ensureParent} and an ipvlan on the parent would succeed now; makes nothing.
 * @returns the parent's link, if it is there already
 * @throws PluginError with the reason
 */
export function checkParentUsable(socket: NetlinkSocket, parent: NamedParent): Link | undefined {
  const existing = linkByName(socket, parent.name);
  if (existing === undefined) {
    if (!parent.dummy) vlanCreation(socket, parent);
    return undefined;
  }
  refuseUnusable(existing, parent);
  if (macvlanOn(socket, existing) !== undefined) throw explainBusy(socket, existing);
  return existing;
}

function vlanCreation(socket: NetlinkSocket, { name, vlan }: NamedParent): Request {
  if (vlan === undefined) {
    const reason = /\.\d+$/.test(name)
      ? "cannot be made: a VLAN id is a number from 1 to 4094"
      : "its name is not BASE.VID of a VLAN that could be made: ip link show lists the links there are";
    throw new PluginError(ErrorCode.parent, `parent ${name} does not exist, and ${reason}`, "/master");
  }
  const base = linkByName(socket, vlan.base);
  if (base === undefined) {
    throw new PluginError(
      ErrorCode.parent,
      `parent ${name} does not exist and cannot be made: there is no link ${vlan.base} for VLAN ${vlan.vid}`,
      "/master",
    );
  }
  if ((base.flags & IFF_LOOPBACK) !== 0) throw refused(base.name, "a loopback device carries no VLAN");
  if ((base.flags & IFF_UP) === 0) throw refused(base.name, `it is down: ip link set ${base.name} up`);
  return createVlan(name, base.index, vlan.vid);
}

function refusedCreation(failure: NetlinkError, { name, vlan }: NamedParent): PluginError {
  const hint =
    failure.errno === Errno.EOPNOTSUPP
      ? `: the kernel has no ${vlan === undefined ? "dummy" : "8021q"} module (modprobe ${vlan === undefined ? "dummy" : "8021q"})`
      : failure.errno === Errno.EEXIST && vlan !== undefined
        ? `: VLAN ${vlan.vid} on ${vlan.base} exists under another name; name that link as "master"`
        : "";
  return new PluginError(ErrorCode.parent, `parent ${name} could not be made${hint}`, failure.message);
}
