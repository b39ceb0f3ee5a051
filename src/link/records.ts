import { port } from "#system";
import { isObject, type JsonObject, tryJson } from "../cni/json.ts";
import { interfaceNameFault, isIdentifier, longestFileName } from "../cni/names.ts";
import type { Flag, Mode } from "../config/network-config.ts";
import { hash64 } from "../hash.ts";
import { parseAddress } from "../ip/address.ts";
import { check, Errno, isErrno, SystemError } from "../system/errno.ts";
import {
  createWhole,
  fileStatus,
  listFolder,
  makeFolder,
  overwriteFile,
  readSmall,
  removeFile,
  removeFolder,
} from "../system/files.ts";
import { type LockedFile, withLockedFile } from "../system/lock.ts";
import { cstring, encode } from "../system/text.ts";
import { flags, modes } from "./modes.ts";

/**
 * What this plugin remembers of its attachments, on a tmpfs: like the links themselves it is gone after a reboot.
 *
 *     /run/ipvlan-cni/ports/PARENT                           mode and flag of the parent's ipvlan port, "l2 bridge";
 *                                                            locked while the parent or its list of attachments changes
 *     /run/ipvlan-cni/networks/NETWORK/ID:IFNAME             one file an attachment, and the same file (a hard link) as
 *     /run/ipvlan-cni/parents/PARENT/NETWORK:ID:IFNAME
 *
 * PARENT is the link's index, `@` and the identity of the namespace in which it lies: names change, are alternative names of one
 * another, and are the same on two nodes that share /run. Versions before this one had the name in place of the index, no
 * namespace where it was the host's, the folder `attachments` and the file `port` in the parent's folder, and no `link` in their
 * records: see {@link adoptOlder}.
 *
 * The network's file is the first to be made and the last to be removed, so that a DEL after a crash finds all the rest by it.
 * Nothing here needs reading all attachments, but where a conflict has to be explained.
 */
const root = "/run/ipvlan-cni";

/** Which link is the container's, by what nobody inside the container can change. */
export interface LinkIdentity {
  /** Of the container's namespace: device and inode, see namespaceIdentity. */
  readonly namespace: string;
  readonly index: number;
  readonly parentIndex: number;
  /** Of the namespace in which the parent lies. */
  readonly parentNamespace: string;
}

/** What identifies an attachment (SPEC.md, section 3). */
export interface AttachmentId {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
}

export interface Attachment extends AttachmentId {
  /** Path of the container's namespace; it may lead nowhere, or to another one, by now. */
  readonly netns: string;
  /** Identity of the namespace in which the plugin was started; undefined in records of earlier versions. */
  readonly host: string | undefined;
  /** undefined in records of earlier versions. */
  readonly link: LinkIdentity | undefined;
  /** The parent's folder, see {@link parentKey}. */
  readonly parent: string;
  /** As it was called at ADD. */
  readonly parentName: string;
  /** The parent may be one that this plugin made, for this attachment or another; undefined in records of earlier versions. */
  readonly parentMayBeOurs: boolean | undefined;
  /** The parent lies in the container's namespace. */
  readonly linkInContainer: boolean;
  readonly mode: Mode;
  readonly flag: Flag;
  /** "NAMESPACE/NAME", where the runtime told of one. */
  readonly pod?: string | undefined;
  /** What the host has for the container, if it has anything. */
  readonly hostAccess?: RecordedHostAccess | undefined;
}

/** What the host has for a container: enough to take it away, and to put it back. Addresses in their canonical text. */
export interface RecordedHostAccess {
  /** The host's link that its routes to the container lead over. */
  readonly link: string;
  /** The container's. */
  readonly addresses: readonly string[];
  /** The host answers ARP and ND for them. */
  readonly announced: boolean;
  /** Connections that netfilter has sent to the container get the host's address as their source. */
  readonly translated: boolean;
  /** The host's that are not the parent's. */
  readonly hostAddresses: readonly string[];
}

export function parentKey(index: number, namespaceIdentity: string): string {
  return `${index}@${namespaceIdentity}`;
}

/** What a {@link parentKey} was made of; undefined for the key of an earlier version, a name. */
export function readParentKey(key: string): { index: number; namespace: string } | undefined {
  // A name may hold an @, but no colon.
  const [, index, namespace] = /^(\d+)@(\d+:\d+:\d+)$/.exec(key) ?? [];
  return index === undefined || namespace === undefined ? undefined : { index: Number(index), namespace };
}

/** How earlier versions called the parent's folder. */
function olderKey({ name, namespaceInContainer }: OlderParent): string {
  return namespaceInContainer === undefined ? name : `${name}@${namespaceInContainer}`;
}

// The specification sets no limit to a container's id. Only the interface's name, at the end, can have characters of several bytes.
function entryName(...parts: readonly string[]): string {
  const name = parts.join(":");
  return encode(name).length <= longestFileName ? name : `${name.slice(0, 180)}~${hash64(name)}`;
}

const portOf = (parent: string) => `${root}/ports/${parent}`;
const folderOf = (parent: string) => `${root}/parents/${parent}`;
const listOf = (parent: string) =>
  readParentKey(parent) === undefined ? `${folderOf(parent)}/attachments` : folderOf(parent);
const fileOnParent = ({ network, containerId, ifname }: AttachmentId, parent: string) =>
  // With the network: an ADD of another one under the same interface name fails, and must leave this one's record.
  `${listOf(parent)}/${entryName(network, containerId, ifname)}`;
const folderOfNetwork = (network: string) => `${root}/networks/${network}`;
const fileInNetwork = ({ network, containerId, ifname }: AttachmentId) =>
  `${folderOfNetwork(network)}/${entryName(containerId, ifname)}`;

/**
 * Runs `work` while no other process changes this parent or its attachments.
 * @param work gets the parent's port: empty text where nothing is recorded of it
 */
export function withParent<T>(parent: string, work: (port: LockedFile) => T): T {
  const path = portOf(parent);
  for (;;) {
    try {
      return withLockedFile(path, work);
    } catch (error) {
      if (!isErrno(error, Errno.ENOENT) || (error as { path?: string }).path !== path) throw error;
      makeFolder(`${root}/ports`);
    }
  }
}

/** Mode and flag that the attachments on the parent use, as "l2 bridge"; undefined where there are none. */
export function recordedPort(parent: string): string | undefined {
  return readSmall(portOf(parent)) || undefined;
}

/**
 * Call it under the parent's lock. What an earlier, unfinished ADD recorded for the same attachment is replaced.
 */
export function recordAttachment(attachment: Attachment): void {
  const { network, containerId, ifname, parent } = attachment;
  const file = writeInNetwork(network, entryName(containerId, ifname), JSON.stringify(attachment));
  const onParent = fileOnParent(attachment, parent);
  let result = linkFile(file, onParent);
  if (result === -Errno.EEXIST || result === -Errno.ENOENT) {
    // ENOENT: it is the parent's first.
    if (result === -Errno.EEXIST) removeFile(onParent);
    else makeFolder(listOf(parent));
    result = linkFile(file, onParent);
  }
  check(result, "linkat", onParent);
}

function writeInNetwork(network: string, entry: string, text: string): string {
  const folder = folderOfNetwork(network);
  const file = `${folder}/${entry}`;
  // A DEL of the network's last attachment on another parent may remove the folder again, any number of times.
  for (let attempt = 1; ; attempt++) {
    try {
      if (createWhole(folder, entry, text)) return file;
      if (!removeFile(file) && attempt === 1000) throw new SystemError("linkat", Errno.EEXIST, file);
    } catch (error) {
      if (!isErrno(error, Errno.ENOENT) || attempt === 1000) throw error;
      makeFolder(folder);
    }
  }
}

/**
 * Writes an attachment's record anew, longer than it was, in place: both of its names stay names of one file.
 * Call it under the parent's lock.
 */
export function amendAttachment(attachment: Attachment): void {
  overwriteFile(fileOnParent(attachment, attachment.parent), JSON.stringify(attachment), 0);
}

function linkFile(from: string, to: string): number {
  const AT_FDCWD = -100;
  return port.linkat(AT_FDCWD, cstring(from), AT_FDCWD, cstring(to), 0);
}

/** What is recorded of one attachment; undefined where nothing readable is. */
export function findAttachment(id: AttachmentId): Attachment | undefined {
  const found = readAttachment(fileInNetwork(id));
  const isIt = found?.network === id.network && found.containerId === id.containerId && found.ifname === id.ifname;
  return isIt ? found : undefined;
}

/** The parents of an attachment of which something is recorded that is not readable. */
export function parentsOfUnreadable(id: AttachmentId): string[] {
  if (fileStatus(fileInNetwork(id)) === undefined) return [];
  const parents = listFolder(`${root}/parents`).filter((parent) => fileStatus(fileOnParent(id, parent)) !== undefined);
  if (parents.length === 0) forgetInNetwork(id);
  return parents;
}

/** Takes the attachment off the parent's list; call it under the parent's lock. */
export function forgetOnParent(id: AttachmentId, parent: string): void {
  removeFile(fileOnParent(id, parent));
}

/** The last that is forgotten of an attachment. */
export function forgetInNetwork(id: AttachmentId): void {
  removeFile(fileInNetwork(id));
  removeFolder(folderOfNetwork(id.network));
}

/**
 * Forgets the parent where no attachment is left on it; call it under the parent's lock.
 * @param port the parent's
 * @param remove takes the link away, if it is to go with its last attachment. What is recorded stays where it throws
 */
export function forgetParentIfUnused(parent: string, port: LockedFile, remove: () => void): void {
  if (!removeFolder(listOf(parent))) return;
  remove();
  if (readParentKey(parent) === undefined) {
    removeFile(`${folderOf(parent)}/port`);
    removeFolder(folderOf(parent));
  }
  port.remove();
}

/** Every attachment on a parent. */
export function attachmentsOnParent(parent: string): Attachment[] {
  return readAll(listOf(parent));
}

/**
 * Every attachment of a network.
 * @param host identity of the namespace in which the plugin runs: of several that share /run each has its own
 */
export function attachmentsOfNetwork(network: string, host: string): Attachment[] {
  return readAll(folderOfNetwork(network)).filter((one) => one.host === undefined || one.host === host);
}

/** When the attachment was recorded, in nanoseconds since 1970; undefined where it is not. */
export function recordedAt({ network, containerId, ifname }: Attachment): bigint | undefined {
  return fileStatus(`${root}/networks/${network}/${entryName(containerId, ifname)}`)?.modified;
}

export function knownNetworks(): string[] {
  return listFolder(`${root}/networks`);
}

/** Tells of which attachments of a network there is a record, of whatever host; the folder is read once. */
export function recordedIn(network: string): (containerId: string, ifname: string) => boolean {
  const entries = new Set(listFolder(folderOfNetwork(network)));
  return (containerId, ifname) => entries.has(entryName(containerId, ifname));
}

/** Every attachment of all networks. @param host as for {@link attachmentsOfNetwork} */
export function allAttachments(host: string): Attachment[] {
  return knownNetworks().flatMap((network) => attachmentsOfNetwork(network, host));
}

/** A parent by the name that it has now, for what earlier versions recorded under it. */
export interface OlderParent {
  readonly name: string;
  /** Of the container's namespace, where the parent lies there. */
  readonly namespaceInContainer: string | undefined;
}

/** The attachments that an earlier version recorded on the parent. */
export function olderAttachments(older: OlderParent): Attachment[] {
  return attachmentsOnParent(olderKey(older));
}

/** What the port says from the first step of {@link adoptOlder} on, until the next ADD has compared it with all attachments. */
const adopting = "?";

/**
 * Takes over what an earlier version recorded on the parent: one list from now on. Call it under the parent's lock. Where a
 * process was killed in the middle, the next goes on.
 * @returns what is recorded of the port now
 */
export function adoptOlder(older: OlderParent, parent: string, port: LockedFile): string {
  if (port.text !== "" && port.text !== adopting) return port.text;
  const key = olderKey(older);
  if (fileStatus(listOf(key)) === undefined) return port.text;
  port.write(adopting);
  withParent(key, (olderPort) => {
    for (const attachment of attachmentsOnParent(key)) {
      recordAttachment({ ...attachment, parent });
      forgetOnParent(attachment, key);
    }
    forgetParentIfUnused(key, olderPort, () => {});
  });
  return adopting;
}

function readAll(folder: string): Attachment[] {
  return listFolder(folder)
    .map((name) => readAttachment(`${folder}/${name}`))
    .filter((attachment) => attachment !== undefined);
}

/** Records are written whole, so what is none of ours was written by nobody who knows this format: passed over. */
function readAttachment(path: string): Attachment | undefined {
  const record = tryJson(readSmall(path) ?? "");
  return isObject(record) && isAttachment(record) ? record : undefined;
}

/** Each of these becomes a link's name, or a part of a path. */
function isAttachment(record: Readonly<Record<string, unknown>>): record is Attachment & JsonObject {
  const { network, containerId, ifname, netns, host, link, parent, parentName, linkInContainer, mode, flag } = record;
  return (
    [network, containerId].every((name) => typeof name === "string" && isIdentifier(name)) &&
    typeof ifname === "string" &&
    interfaceNameFault(ifname) === undefined &&
    typeof parentName === "string" &&
    typeof netns === "string" &&
    !netns.includes("\0") &&
    (host === undefined || isNamespace(host)) &&
    (link === undefined
      ? interfaceNameFault(parentName) === undefined && isOlderKey(parent, parentName)
      : isObject(link) && isLinkIdentity(link) && parent === parentKey(link.parentIndex, link.parentNamespace)) &&
    typeof linkInContainer === "boolean" &&
    typeof mode === "string" &&
    Object.hasOwn(modes, mode) &&
    typeof flag === "string" &&
    Object.hasOwn(flags, flag) &&
    (record.pod === undefined || typeof record.pod === "string") &&
    isHostAccess(record.hostAccess)
  );
}

function isHostAccess(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isObject(value)) return false;
  const { link, addresses, announced, translated, hostAddresses } = value;
  return (
    typeof link === "string" &&
    interfaceNameFault(link) === undefined &&
    [addresses, hostAddresses].every(isAddresses) &&
    [announced, translated].every((flag) => typeof flag === "boolean")
  );
}

function isAddresses(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string" && parseAddress(text) !== undefined);
}

function isLinkIdentity(link: Readonly<Record<string, unknown>>): link is LinkIdentity & JsonObject {
  const { namespace, index, parentNamespace, parentIndex } = link;
  return [namespace, parentNamespace].every(isNamespace) && [index, parentIndex].every(Number.isSafeInteger);
}

/** A parent's folder in versions before this one, or where one of these was taken over: see {@link adoptOlder}. */
function isOlderKey(parent: unknown, name: string): boolean {
  if (typeof parent !== "string") return false;
  return parent === name || readParentKey(parent) !== undefined || parent.replace(/@\d+:\d+:\d+$/, "") === name;
}

/** Device, of two numbers, and inode. */
function isNamespace(identity: unknown): boolean {
  return typeof identity === "string" && /^\d+:\d+:\d+$/.test(identity);
}
