import { port } from "#system";
import { isObject, type JsonObject, tryJson } from "../cni/json.ts";
import { interfaceNameFault, isIdentifier, longestFileName } from "../cni/names.ts";
import { hash } from "../config/dummy-name.ts";
import type { Flag, Mode } from "../config/network-config.ts";
import { parseAddress } from "../ip/address.ts";
import { check, Errno } from "../system/errno.ts";
import {
  createWhole,
  listFolder,
  makeFolder,
  overwriteFile,
  readSmall,
  removeFile,
  removeFolder,
  replaceFile,
} from "../system/files.ts";
import { withLock } from "../system/lock.ts";
import { cstring, encode } from "../system/text.ts";
import { flags, modes } from "./modes.ts";

/**
 * What this plugin remembers of its attachments, on a tmpfs: like the links themselves it is gone after a reboot.
 *
 *     /run/ipvlan-cni/locks/PARENT                              held while a parent or its list of attachments changes
 *     /run/ipvlan-cni/parents/PARENT/port                       mode and flag of the parent's ipvlan port: "l2 bridge"
 *     /run/ipvlan-cni/networks/NETWORK/ID:IFNAME                one file an attachment, and the same file (a hard link) as
 *     /run/ipvlan-cni/parents/PARENT/attachments/NETWORK:ID:IFNAME
 *
 * PARENT is the link's name, behind it `@` and the namespace's identity where it lies in a container's namespace.
 * Nothing here needs reading all attachments, but where a conflict has to be explained.
 */
const root = "/run/ipvlan-cni";

/** Which attachment, on which parent. */
export interface AttachmentId {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  /** Path of the container's namespace; empty where it is not known. */
  readonly netns: string;
  /** The parent's folder, see {@link parentKey}. */
  readonly parent: string;
  readonly parentName: string;
  /** The parent lies in the container's namespace. */
  readonly linkInContainer: boolean;
}

export interface Attachment extends AttachmentId {
  readonly mode: Mode;
  readonly flag: Flag;
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

export function parentKey(name: string, namespaceIdentity: string | undefined): string {
  return namespaceIdentity === undefined ? name : `${name}@${namespaceIdentity}`;
}

// The specification sets no limit to a container's id. Only the interface's name, at the end, can have characters of several bytes.
function entryName(...parts: readonly string[]): string {
  const name = parts.join(":");
  return encode(name).length <= longestFileName ? name : `${name.slice(0, 180)}~${hash(name)}`;
}

/** Runs `work` while no other process changes this parent or its attachments. */
export function withParentLock<T>(parent: string, work: () => T): T {
  const path = `${root}/locks/${parent}`;
  try {
    return withLock(path, work);
  } catch (error) {
    if (!isMissing(error, path)) throw error;
    makeFolder(`${root}/locks`);
    return withLock(path, work);
  }
}

function isMissing(error: unknown, path: string): boolean {
  const { errno, path: failed } = error as { errno?: number; path?: string };
  return errno === Errno.ENOENT && failed === path;
}

/** Mode and flag that the attachments on the parent use, as "l2 bridge"; undefined where there are none. */
export function recordedPort(parent: string): string | undefined {
  return readSmall(`${root}/parents/${parent}/port`);
}

export function recordPort(parent: string, modeAndFlag: string): void {
  makeFolder(`${root}/parents/${parent}/attachments`);
  replaceFile(`${root}/parents/${parent}/port`, modeAndFlag);
}

/** Call it under the parent's lock. A record that an earlier, unfinished ADD left under the same name is replaced. */
export function recordAttachment(attachment: Attachment): void {
  const { network, containerId, ifname } = attachment;
  // With the network: an ADD of another one under the same interface name fails, and must leave this one's record.
  const entry = entryName(network, containerId, ifname);
  const folder = `${root}/parents/${attachment.parent}/attachments`;
  const text = JSON.stringify(attachment);
  const file = `${folder}/${entry}`;
  const networkFile = `${root}/networks/${network}/${entryName(containerId, ifname)}`;
  if (!createWhole(folder, entry, text)) {
    removeFile(file);
    createWhole(folder, entry, text);
  }
  let result = linkFile(file, networkFile);
  // A DEL of the network's last attachment on another parent may remove the folder again, any number of times.
  for (let attempt = 1; (result === -Errno.ENOENT || result === -Errno.EEXIST) && attempt < 1000; attempt++) {
    if (result === -Errno.ENOENT) makeFolder(`${root}/networks/${network}`);
    else removeFile(networkFile);
    result = linkFile(file, networkFile);
  }
  check(result, "linkat", networkFile);
}

/**
 * Writes an attachment's record anew, longer than it was, in place: both of its names stay names of one file.
 * Call it under the parent's lock.
 */
export function amendAttachment(attachment: Attachment): void {
  const { network, containerId, ifname, parent } = attachment;
  const file = `${root}/parents/${parent}/attachments/${entryName(network, containerId, ifname)}`;
  overwriteFile(file, JSON.stringify(attachment), 0);
}

function linkFile(from: string, to: string): number {
  const AT_FDCWD = -100;
  return port.linkat(AT_FDCWD, cstring(from), AT_FDCWD, cstring(to), 0);
}

/** What is recorded of one attachment; undefined where nothing readable is. */
export function findAttachment(network: string, containerId: string, ifname: string): Attachment | undefined {
  const found = readAttachment(`${root}/networks/${network}/${entryName(containerId, ifname)}`);
  const isIt = found?.network === network && found.containerId === containerId && found.ifname === ifname;
  return isIt ? found : undefined;
}

/**
 * Forgets an attachment; call it under the parent's lock.
 * @returns whether there was a record and no other is left on the parent: without records nothing says that a parent is unused
 */
export function forgetAttachment({ network, containerId, ifname, parent }: AttachmentId): boolean {
  removeFile(`${root}/networks/${network}/${entryName(containerId, ifname)}`);
  removeFolder(`${root}/networks/${network}`);
  const removed = removeFile(`${root}/parents/${parent}/attachments/${entryName(network, containerId, ifname)}`);
  return forgetParentIfUnused(parent) && removed;
}

/** Removes the parent's folder where no attachment is left in it; call it under the parent's lock. @returns whether none is */
export function forgetParentIfUnused(parent: string): boolean {
  const folder = `${root}/parents/${parent}`;
  const attachments = `${folder}/attachments`;
  if (!removeFolder(attachments) && listFolder(attachments).length > 0) return false;
  removeFile(`${folder}/port`);
  removeFolder(folder);
  return true;
}

/** Every attachment on a parent. */
export function attachmentsOnParent(parent: string): Attachment[] {
  return readAll(`${root}/parents/${parent}/attachments`);
}

/** Every attachment of a network. */
export function attachmentsOfNetwork(network: string): Attachment[] {
  return readAll(`${root}/networks/${network}`);
}

export function knownNetworks(): string[] {
  return listFolder(`${root}/networks`);
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
  const { network, containerId, ifname, netns, parent, parentName, linkInContainer, mode, flag } = record;
  return (
    [network, containerId].every((name) => typeof name === "string" && isIdentifier(name)) &&
    [ifname, parentName].every((name) => typeof name === "string" && interfaceNameFault(name) === undefined) &&
    typeof netns === "string" &&
    !netns.includes("\0") &&
    typeof parent === "string" &&
    (parent === parentName ||
      (parent.startsWith(`${parentName}@`) && /^[\d:]+$/.test(parent.slice(`${parentName}@`.length)))) &&
    typeof linkInContainer === "boolean" &&
    typeof mode === "string" &&
    Object.hasOwn(modes, mode) &&
    typeof flag === "string" &&
    Object.hasOwn(flags, flag) &&
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
