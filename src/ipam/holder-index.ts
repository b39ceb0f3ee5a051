import { hash32 } from "../hash.ts";
import { appendToFile, fileStatus, listFolder, makeFolder, overwriteFile, readSmall } from "../system/files.ts";

/** What a reservation's file says: who holds the address. Files from before CNI plugins 0.8 have no interface name. */
export interface Holder {
  readonly containerId: string;
  /** "" in a file that names none. */
  readonly ifname: string;
  /** The name that the address stays with when the container is gone; see kept.ts. */
  readonly keptFor?: string | undefined;
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
  /** What is not in memory holds nothing: the files are of an older index. */
  #isNew = false;

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

  /** Whether it can answer for this container. */
  has(containerId: string): boolean {
    return this.#isNew || this.#buckets.has(bucketOf(containerId));
  }

  /** Forgets everything: what is added from now on is all there is. */
  clear(): void {
    this.#buckets.clear();
    this.#isNew = true;
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
    if (this.#isNew) makeFolder(this.#folder);
    const older = new Set(this.#isNew ? listFolder(this.#folder).filter((name) => BUCKET_NAME.test(name)) : []);
    for (const name of older) if (!this.#buckets.has(name)) this.#buckets.set(name, new Bucket("\n", undefined));
    for (const [name, { text, written }] of this.#buckets) {
      const path = `${this.#folder}/${name}`;
      if (text === written) continue;
      if (written !== undefined && text.startsWith(written)) appendToFile(path, text.slice(written.length));
      else if (text !== "\n" || written !== undefined || older.has(name)) overwriteFile(path, text);
    }
  }

  #bucket(containerId: string): Bucket {
    const name = bucketOf(containerId);
    const found = this.#buckets.get(name);
    if (found !== undefined) return found;
    if (!this.#isNew) throw new RangeError(`the index is not loaded for ${containerId}`);
    const bucket = new Bucket("\n", undefined);
    this.#buckets.set(name, bucket);
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
export const INDEX_FORMAT = 3;

/** Beside the index: the id of the boot in which it was made. */
export const BOOT_FILE = "boot";

/** With 60,000 reservations a file has some 9 kB, with 250 one line or two. */
const BUCKETS = 512;
const BUCKET_NAME = /^[\da-f]{3}$/;

/** By the end of the identifier: at its beginning, many are alike. */
function bucketOf(containerId: string): string {
  return (hash32(containerId.slice(-8)) % BUCKETS).toString(16).padStart(3, "0");
}
