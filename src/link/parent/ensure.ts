import { vlanName } from "../../config/vlan-name.ts";
import { ErrorCode, PluginError } from "../../errors.ts";
import {
  createDummy,
  createVlan,
  deleteLink,
  foundLink,
  type Link,
  linkByIndex,
  linkByName,
  linkQuery,
  linksOn,
  nameQuery,
  readLink,
  setAliasByIndex,
} from "../../netlink/link.ts";
import { exchange, NetlinkError, type NetlinkSocket } from "../../netlink/socket.ts";
import { Errno } from "../../system/errno.ts";
import type { LinkReference, WantedParent } from "./choose.ts";
import { isOurs, mark } from "./mark.ts";
import { explainBusy, macvlanOn, refuseAsBase, refused, refuseMtu, refuseUnusable } from "./usable.ts";

/** The parent's link, or what is to be made. */
export type FoundParent =
  | { readonly link: Link; readonly missing: undefined }
  | { readonly link: undefined; readonly missing: MissingParent };

/** A link that can be made: a VLAN, or without one a dummy link. */
export interface MissingParent {
  readonly name: string;
  readonly vlan: { readonly base: Link; readonly vid: number } | undefined;
}

/**
 * Looks for the parent.
 * @param thoroughly a VLAN that goes by another name is found, too: by reading all VLANs
 * @throws PluginError 100 where it can neither be used nor made
 */
export function findParent(socket: NetlinkSocket, wanted: WantedParent, thoroughly: boolean): FoundParent {
  switch (wanted.kind) {
    case "link": {
      const link = linkBy(socket, wanted.link);
      if (link === undefined) throw absent(wanted.link);
      return usable(link);
    }
    case "dummy": {
      const link = linkByName(socket, wanted.name);
      if (link === undefined) return missing(wanted.name, undefined);
      if (link.kind !== "dummy") {
        const reason = `an isolated network needs a dummy link of this name, and this one is ${link.kind ?? "hardware"}`;
        throw refused(link.name, reason);
      }
      return usable(link);
    }
    case "vlan":
      return findVlan(socket, wanted, thoroughly);
  }
}

function findVlan(
  socket: NetlinkSocket,
  { base: reference, vid, name }: Extract<WantedParent, { kind: "vlan" }>,
  thoroughly: boolean,
): FoundParent {
  if (name !== undefined) {
    const link = linkByName(socket, name);
    if (link !== undefined) return usable(link);
  }
  // Both at once, by the name that the VLAN has unless its base goes by an alternative name here.
  const guess = typeof reference === "string" && name === undefined ? vlanName(reference, vid) : undefined;
  const asked = typeof reference === "string" ? nameQuery(reference) : linkQuery(reference);
  const [base, guessed] = exchange(socket, guess === undefined ? [asked] : [asked, nameQuery(guess)]).map(foundLink);
  if (base === undefined) throw absentBase(reference, vid);
  const own = vlanName(base.name, vid);
  const link = own === guess ? guessed : own === name ? undefined : linkByName(socket, own);
  if (link !== undefined) {
    if (!isVlan(link, base, vid)) {
      throw refused(own, `it is not VLAN ${vid} of ${base.name} but ${describe(socket, link)}`, "/vlan");
    }
    return usable(link);
  }
  refuseAsBase(base);
  const elsewhere = thoroughly ? vlanUnderAnotherName(socket, base, vid) : undefined;
  return elsewhere === undefined ? missing(own, { base, vid }) : usable(elsewhere);
}

/** One that this plugin made, and somebody renamed, is still what is wanted; others are for who named them to name here. */
function vlanUnderAnotherName(socket: NetlinkSocket, base: Link, vid: number): Link | undefined {
  const link = linksOn(socket, base.index, "vlan").find((one) => one.vlanId === vid);
  if (link === undefined || isOurs(link)) return link;
  throw new PluginError(
    ErrorCode.parent,
    `VLAN ${vid} on ${base.name} exists under another name, ${link.name}: name that link as "master"`,
    "/master",
  );
}

function isVlan(link: Link, base: Link, vid: number): boolean {
  return link.vlanId === vid && link.lower === base.index && link.lowerNamespace === undefined;
}

function describe(socket: NetlinkSocket, { kind, vlanId, lower, lowerNamespace }: Link): string {
  if (vlanId === undefined || lower === undefined) return kind === undefined ? "hardware" : `a ${kind}`;
  const base = lowerNamespace === undefined ? linkByIndex(socket, lower)?.name : undefined;
  return `VLAN ${vlanId} of ${base ?? "a link in another namespace"}`;
}

function linkBy(socket: NetlinkSocket, reference: LinkReference): Link | undefined {
  return typeof reference === "string" ? linkByName(socket, reference) : linkByIndex(socket, reference);
}

function usable(link: Link): FoundParent {
  refuseUnusable(link);
  return { link, missing: undefined };
}

function missing(name: string, vlan: MissingParent["vlan"]): FoundParent {
  return { link: undefined, missing: { name, vlan } };
}

function absent(reference: LinkReference): PluginError {
  const reason = /\.\d+$/.test(String(reference))
    ? "cannot be made: a VLAN id is a number from 1 to 4094"
    : "its name is not BASE.VID of a VLAN that could be made: ip link show lists the links there are";
  return new PluginError(ErrorCode.parent, `parent ${reference} does not exist, and ${reason}`, "/master");
}

function absentBase(base: LinkReference, vid: number): PluginError {
  const reason = `there is no link ${base} for VLAN ${vid}`;
  return new PluginError(
    ErrorCode.parent,
    `parent ${base}.${vid} does not exist and cannot be made: ${reason}`,
    "/master",
  );
}

/**
 * Makes the parent, up, and marks it as ours.
 * @param index of the new link, which is marked under it, whatever has the name
 * @param mtu bytes, of a dummy link; 0: the kernel's 1500
 * @returns undefined where the name or the VLAN is there by now: look for the parent once more
 * @throws PluginError 100
 */
export function makeParent(
  socket: NetlinkSocket,
  { name, vlan }: MissingParent,
  index: number,
  mtu: number,
): Link | undefined {
  const creation =
    vlan === undefined ? createDummy(name, index, mtu) : createVlan(name, vlan.base.index, vlan.vid, index);
  // One send for all: a process that is ended in between would leave a link without the mark, for ever.
  const [failure, markFailure, found] = exchange(socket, [creation, setAliasByIndex(index, mark), linkQuery(index)]);
  if (failure instanceof NetlinkError) {
    if (failure.errno === Errno.EEXIST || failure.errno === Errno.EBUSY) return undefined;
    throw refusedCreation(failure, name, vlan === undefined ? "dummy" : "8021q");
  }
  const failed = [markFailure, found].find((outcome) => outcome instanceof NetlinkError);
  if (failed !== undefined || !(found instanceof Uint8Array)) {
    exchange(socket, [deleteLink(index, name)]);
    throw new PluginError(ErrorCode.parent, `parent ${name} could not be marked as this plugin's`, failed?.message);
  }
  return readLink(found);
}

function refusedCreation(failure: NetlinkError, name: string, module: string): PluginError {
  const hint = failure.errno === Errno.EOPNOTSUPP ? `: the kernel has no ${module} module (modprobe ${module})` : "";
  return new PluginError(ErrorCode.parent, `parent ${name} could not be made${hint}`, failure.message);
}

/**
 * Whether the parent is there and can carry an ipvlan, or can be made; makes nothing.
 * @param mtu bytes that it has to carry; 0: its own
 * @returns its link, if it is there already
 * @throws PluginError with the reason
 */
export function checkParentUsable(socket: NetlinkSocket, wanted: WantedParent, mtu: number): Link | undefined {
  const { link, missing } = findParent(socket, wanted, true);
  const limit = link ?? missing?.vlan?.base;
  if (limit !== undefined) refuseMtu(limit, mtu);
  if (link !== undefined && macvlanOn(socket, link) !== undefined) throw explainBusy(socket, link);
  return link;
}
