import { appendToFile, fileStatus, listFolder, makeFolder, overwriteFile, readSmall } from "../system/files.ts";

/** What a reservation's file says: who holds the address. Files from before CNI plugins 0.8 have no interface name. */
export interface Holder {
  readonly containerId: string;
  /** "" in a file that names none. */
  readonly ifname: string;
}

/**
 * Which addresses a holder has, without reading the reservations of all: a hash table in a few files, by container. It
 * is only ever a shortcut: {@link Store} says when it may be believed, and makes it anew from the reservations when
 * not. So its files need be neither whole nor synchronised.
 *
 * A file is a line feed, then lines of `CONTAINERID\tIFNAME\tADDRESS\n`. It is written in place and never emptied: on
 * ext4 that costs 5 us, where making or replacing a file costs 30 to 200.
 */
export class HolderIndex {
  readonly #folder: string;
  /** By file name. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Reads what is needed to answer for this container. False where there is no index, or something else in its place. */
  load(containerId: string): boolean {
    const name = bucketOf(containerId);
    const written = readSmall(`${this.#folder}/${name}`, "");
    // A missing file says that nobody in it holds anything, as long as the index itself is there.
    if (written === undefined && fileStatus(`${this.#folder}/${BOOT_FILE}`) === undefined) return false;
    if (written !== undefined && !written.startsWith("\n")) return false;
    this.#buckets.set(name, new Bucket(written ?? "\n", written));
    return true;
  }

  /** Forgets everything: what is added from now on is all there is. */
  clear(): void {
    this.#buckets.clear();
    for (let i = 0; i < BUCKETS; i++) this.#buckets.set(bucketName(i), new Bucket("\n", undefined));
  }

  find({ containerId, ifname }: Holder): string[] {
    const { text } = this.#bucket(containerId);
    const names: string[] = [];
    const start = `\n${containerId}\t${ifname}\t`;
    for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
      names.push(text.slice(at + start.length, text.indexOf("\n", at + start.length)));
    }
    return names;
  }

  add({ containerId, ifname }: Holder, name: string): void {
    // No container that a runtime may name has such an identifier, so nobody will ask for it.
    const line = `${containerId}\t${ifname}\t${name}\n`;
    if (line.split("\t").length === 3 && line.indexOf("\n") === line.length - 1) this.#bucket(containerId).add(line);
  }

  remove({ containerId, ifname }: Holder, name: string): void {
    this.#bucket(containerId).remove(`${containerId}\t${ifname}\t${name}\n`);
  }

  /** Writes what changed. */
  save(): void {
    const cleared = this.#buckets.size > 1;
    const present = new Set(cleared ? listFolder(this.#folder) : []);
    if (cleared) makeFolder(this.#folder);
    for (const [name, { text, written }] of this.#buckets) {
      const path = `${this.#folder}/${name}`;
      if (text === written) continue;
      if (written !== undefined && text.startsWith(written)) appendToFile(path, text.slice(written.length));
      else if (text !== "\n" || written !== undefined || present.has(name)) overwriteFile(path, text);
    }
  }

  #bucket(containerId: string): Bucket {
    const bucket = this.#buckets.get(bucketOf(containerId));
    if (bucket === undefined) throw new RangeError(`the index is not loaded for ${containerId}`);
    return bucket;
  }
}

/** What is in a file of the index. */
class Bucket {
  #text: string;
  /** Lines to come behind the text: put together once, not at each. */
  #more: string[] = [];
  /** The text that the file has; undefined where that is not known. */
  readonly written: string | undefined;

  constructor(text: string, written: string | undefined) {
    this.#text = text;
    this.written = written;
  }

  get text(): string {
    if (this.#more.length > 0) {
      this.#text += this.#more.join("");
      this.#more = [];
    }
    return this.#text;
  }

  add(line: string): void {
    this.#more.push(line);
  }

  remove(line: string): void {
    this.#text = this.text.replace(`\n${line}`, "\n");
  }
}

/** Changes with the format, so that a program of another version makes the index anew. */
export const INDEX_FORMAT = 2;

/** Beside the index: the id of the boot in which it was made. */
export const BOOT_FILE = "boot";

/** With 60,000 reservations a file has some 75 kB, with 250 some 300 bytes. */
const BUCKETS = 64;

function bucketName(i: number): string {
  return i.toString(16).padStart(2, "0");
}

/** By the end of the identifier: at its beginning, many are alike. */
function bucketOf(containerId: string): string {
  return bucketName(hash(containerId.slice(-8)) % BUCKETS);
}

/** FNV-1a, 32 bits, over UTF-16 units: 0 to 2^32-1. @param before the hash of a text that this one follows */
export function hash(text: string, before = 0x811c9dc5): number {
  let value = before;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return value;
}
