import { hash32 } from "../hash.ts";
import { type Address, formatAddress, parseAddress } from "../ip/address.ts";
import { recordedIn } from "../link/records.ts";
import { Errno, SystemError } from "../system/errno.ts";
import {
  createFirst,
  type FileStatus,
  fileStatus,
  isAbsent,
  isOther,
  listFiles,
  listFolder,
  makeFolder,
  overwriteFile,
  readSmall,
  removeFile,
  replaceFile,
  setTimes,
} from "../system/files.ts";
import { withLock } from "../system/lock.ts";
import { bootId, bootTime, machineId } from "./boot.ts";
import { BOOT_FILE, type Holder, HolderIndex, INDEX_FORMAT } from "./holder-index.ts";
import { KEPT_NS, keptName, nameHolder } from "./kept.ts";

export type { Holder };

/**
 * The reservations of one network, in the format of the reference host-local (plugins/ipam/host-local/backend/disk), so
 * that both can be used at any moment, also at once. In DATADIR/NETWORK there is one file an address, named by it, with
 * `CONTAINERID\r\nIFNAME`; `last_reserved_ip.N` with the last address given from range set N; and `lock`, held with
 * flock(2) around every change.
 *
 * The reference reads all of it at every ADD and DEL. Here an index beside it (DATADIR/.ipvlan-cni) answers instead,
 * and a seal on the folder tells whether the index is complete. The seal is the folder's modification time: after each
 * of our changes it is set to a time whose nanoseconds are a hash of the folder, the boot and the seconds. When another
 * hand adds or removes a file, the kernel writes the present time over it, even within one tick of its clock. Then, as
 * after a crash in the middle of a change and after a boot, everything is read once and the index is made anew.
 *
 * Ours have the sticky bit, which means nothing on a file, so that a reboot's leftovers are told without a clock: such a one
 * without a record of this boot (see link/records.ts) is of an earlier boot. Others are as old as their time says.
 *
 * Nothing is synchronised to disk, which would cost 0.4 ms and more for each file. Power loss ends every container, so
 * none of their reservations is needed afterwards, and the next boot frees them; what else it may leave is an empty
 * file under an address, as a killed reference plugin does, and that is recognised and freed.
 */
export class Store {
  readonly #network: string;
  readonly #folder: string;
  readonly #indexFolder: string;
  readonly #index: HolderIndex;
  readonly #boot = bootId();
  /** The index in memory is complete: for one container, or for all after a scan. */
  #scanned = false;
  /** Something changed, so that the seal is broken or missing. */
  #changed = false;
  /** The addresses in the files last_reserved_ip.N, as far as they were read. */
  readonly #lastTexts = new Map<string, string>();
  /** The names that addresses stay with, of those whose files were read. */
  readonly #keptFor = new Map<string, string>();
  /** The folder as it was before the first change. */
  readonly #opened: FileStatus;
  /** The hash of what the seal is about but the seconds. */
  readonly #sealed: number;

  /** Of the boot that runs; undefined where the kernel does not tell. */
  get boot(): string | undefined {
    return this.#boot;
  }

  /** The caller holds the lock and the folder exists. See {@link withStore}. */
  constructor(dataDir: string, network: string) {
    this.#network = network;
    this.#folder = folderOf(dataDir, network);
    this.#indexFolder = `${dataDir}/.ipvlan-cni/networks/${network}`;
    this.#index = new HolderIndex(this.#indexFolder);
    const status = fileStatus(this.#folder);
    if (status === undefined) throw new SystemError("statx", Errno.ENOENT, this.#folder);
    this.#opened = status;
    this.#sealed = hash32(`${INDEX_FORMAT} ${status.identity} ${this.#boot} `);
  }

  /**
   * Gets ready to answer for a container.
   * @param newBoot give back what an earlier boot left, if this is the first time since
   */
  open(containerId: string, newBoot: boolean): void {
    if (!this.#isSealed() || !this.#index.load(containerId)) this.scan(newBoot);
  }

  /**
   * Reads all reservations, removes what is none and those that are not kept, and makes the index anew. Goes on behind what cannot
   * be removed, and throws that error then.
   */
  scan(newBoot = false, isKept: (holder: Holder) => boolean = () => true): void {
    const recorded = this.#recordedBoot();
    const isStale = newBoot && recorded !== undefined && recorded !== this.#boot ? this.#leftBehind() : () => false;
    let failure: unknown;
    this.#changed = true;
    this.#scanned = true;
    this.#index.clear();
    for (const name of listFiles(this.#folder)) {
      // Made under the lock that this process holds: its maker was killed.
      const isLeftover = name.startsWith(".") && name.endsWith(".tmp");
      if (!isLeftover && parseAddress(name) === undefined) continue;
      const holder = isLeftover ? undefined : this.holderOf(name);
      const stays = (one: Holder) =>
        keptName(one) === undefined ? isKept(one) && !isStale(name, one) : !this.#isExpired(name);
      if (holder !== undefined && stays(holder)) {
        this.#index.add(holder, name);
        continue;
      }
      try {
        if (holder?.keptFor === undefined) removeFile(`${this.#folder}/${name}`);
        else this.#keep(nameHolder(holder.keptFor, holder.ifname), name);
      } catch (error) {
        failure ??= error;
        if (holder !== undefined) this.#index.add(holder, name);
      }
    }
    if (recorded === undefined || newBoot) this.#recordBoot(recorded);
    if (failure !== undefined) throw failure;
  }

  /** Tells what an earlier boot left. Of reservations that another machine made in a folder that both have, nobody knows. */
  #leftBehind(): (name: string, holder: Holder) => boolean {
    const machine = readSmall(`${this.#indexFolder}/${MACHINE_FILE}`);
    if (machine !== undefined && machine !== machineId()) return () => false;
    const isRecorded = recordedIn(this.#network);
    const booted = bootTime();
    return (name, { containerId, ifname }) => {
      const status = fileStatus(`${this.#folder}/${name}`);
      if (status === undefined) return false;
      if ((status.mode & S_ISVTX) !== 0) return !isRecorded(containerId, ifname);
      return booted !== undefined && status.modified < booted;
    };
  }

  /** Which boot of which machine was here last. Where it cannot be written, the next process reads everything as well. */
  #recordBoot(recorded: string | undefined): void {
    if (this.#boot === undefined || recorded === this.#boot) return;
    attempt(() => {
      makeFolder(this.#indexFolder);
      replaceFile(`${this.#indexFolder}/${MACHINE_FILE}`, machineId());
      replaceFile(this.#bootFile, this.#boot as string);
    });
  }

  /** The addresses that the container's interface holds, and those of a file that names only the container. */
  find(holder: Holder): { named: string[]; unnamed: string[] } {
    const unnamed = { containerId: holder.containerId, ifname: "" };
    for (;;) {
      const found = { named: this.#index.find(holder), unnamed: this.#index.find(unnamed) };
      if (this.#scanned) return found;
      const holds = (name: string, by: Holder) => sameHolder(this.holderOf(name), by);
      if (found.named.every((name) => holds(name, holder)) && found.unnamed.every((name) => holds(name, unnamed)))
        return found;
      this.scan();
    }
  }

  /** Who holds the address; undefined where nobody does. */
  holderOf(name: string): Holder | undefined {
    const holder = parseHolder(readSmall(`${this.#folder}/${name}`) ?? "");
    if (holder?.keptFor !== undefined) this.#keptFor.set(name, holder.keptFor);
    return holder;
  }

  /** The addresses that are kept for the name of this holder and that no container has. */
  keptOf({ keptFor, ifname }: Holder): string[] {
    if (keptFor === undefined) return [];
    const owner = nameHolder(keptFor, ifname);
    if (!this.#index.has(owner.containerId) && !this.#index.load(owner.containerId)) this.scan();
    return this.find(owner).named;
  }

  /** Gives the holder an address that {@link keptOf} has told. */
  takeKept(holder: Holder, name: string): void {
    const { keptFor = "", ifname } = holder;
    this.#changed = true;
    replaceFile(`${this.#folder}/${name}`, textOf(holder), S_ISVTX | 0o600);
    this.#keptFor.set(name, keptFor);
    this.#index.remove(nameHolder(keptFor, ifname), name);
    this.#index.add(holder, name);
  }

  #keep(owner: Holder, name: string): void {
    replaceFile(`${this.#folder}/${name}`, textOf(owner), S_ISVTX | 0o600);
    this.#index.add(owner, name);
  }

  /** Frees of these what is kept for the same name still. */
  dropKept(kept: readonly { readonly owner: Holder; readonly address: string }[]): void {
    if (kept.length > 0 && !this.#scanned) this.scan();
    for (const { owner, address } of kept) {
      if (!sameHolder(this.holderOf(address), owner)) continue;
      this.#changed = true;
      removeFile(`${this.#folder}/${address}`);
      this.#index.remove(owner, address);
    }
  }

  /** Frees what was kept for names without a container for too long. @returns whether there was any */
  dropExpired(): boolean {
    const before = this.names().length;
    this.scan();
    return this.names().length < before;
  }

  #isExpired(name: string): boolean {
    return this.reservedAt(name) + KEPT_NS < BigInt(Date.now()) * 1_000_000n;
  }

  /** The address that was last given from this range set. */
  lastReserved(rangeId: number): Address | undefined {
    const file = `last_reserved_ip.${rangeId}`;
    const text = readSmall(`${this.#folder}/${file}`) ?? "";
    const address = parseAddress(text);
    if (address !== undefined) this.#lastTexts.set(file, text);
    return address;
  }

  /**
   * Reserves the first candidate that is free and remembers it as the last one given.
   * @returns undefined where none is free
   */
  reserve(holder: Holder, candidates: Iterable<Address>, rangeId: number): Address | undefined {
    this.#changed = true;
    const name = createFirst(this.#folder, this.#unlisted(candidates), textOf(holder), S_ISVTX | 0o600);
    if (name === undefined) return undefined;
    this.#index.add(holder, name);
    try {
      this.#rememberLast(name, rangeId);
    } catch (error) {
      this.release(holder, [name]);
      throw error;
    }
    return parseAddress(name);
  }

  #rememberLast(name: string, rangeId: number): void {
    const file = `last_reserved_ip.${rangeId}`;
    try {
      overwriteFile(`${this.#folder}/${file}`, name, this.#lastTexts.get(file)?.length);
    } catch (error) {
      // Without it the order begins anew.
      if (!(error instanceof SystemError && isOther(error.errno))) throw error;
    }
    this.#lastTexts.set(file, name);
  }

  /** Frees these addresses, which the holder has; one that a name has no other of its family of stays with it. */
  release(holder: Holder, names: readonly string[]): void {
    if (names.length === 0) return;
    this.#changed = true;
    for (const name of names) {
      const keptFor = this.#keptFor.get(name);
      const isSecond = () =>
        this.keptOf({ ...holder, keptFor }).some((other) => other.includes(":") === name.includes(":"));
      if (keptFor === undefined || isSecond()) removeFile(`${this.#folder}/${name}`);
      else this.#keep(nameHolder(keptFor, holder.ifname), name);
      this.#index.remove(holder, name);
    }
  }

  /** The names of all files: addresses and others. */
  names(): string[] {
    return listFolder(this.#folder);
  }

  /** When the address was reserved, in nanoseconds since 1970. */
  reservedAt(name: string): bigint {
    return fileStatus(`${this.#folder}/${name}`)?.modified ?? 0n;
  }

  /**
   * Writes the index and the seal, if anything changed. Never fails: without a seal the next process reads everything.
   */
  close(): void {
    if (!this.#changed) return;
    attempt(() => {
      this.#index.save();
      // Another boot is on record until the first ADD has given back what that one left: no seal before.
      if (this.#boot === undefined || (this.#scanned && this.#recordedBoot() !== this.#boot)) return;
      const now = Date.now();
      const seconds = (now - (now % 1000)) / 1000;
      setTimes(this.#folder, seconds, this.#seal(seconds));
    });
  }

  #isSealed(): boolean {
    if (this.#boot === undefined) return false;
    const seconds = Number(this.#opened.modified / 1_000_000_000n);
    return Number(this.#opened.modified % 1_000_000_000n) === this.#seal(seconds);
  }

  /** The nanoseconds that seal the folder at these seconds: 0 to 999,999,999. */
  #seal(seconds: number): number {
    return hash32(String(seconds), this.#sealed) % 1_000_000_000;
  }

  get #bootFile(): string {
    return `${this.#indexFolder}/${BOOT_FILE}`;
  }

  /** "" where the power failed before the record was on the disk: of an earlier boot, then. */
  #recordedBoot(): string | undefined {
    return readSmall(this.#bootFile);
  }

  /** Candidates by name. After some that are taken the folder is read, and those that are taken are passed over. */
  *#unlisted(candidates: Iterable<Address>): Generator<string, void> {
    let taken: Set<string> | undefined;
    let tried = 0;
    for (const address of candidates) {
      const name = formatAddress(address);
      if (taken?.has(name)) continue;
      yield name;
      if (++tried === PROBES) taken = new Set(this.names());
    }
  }
}

/** stat(2); see {@link Store}. */
const S_ISVTX = 0o1000;

/** Beside the index, as the boot: the machine. */
const MACHINE_FILE = "machine";

/** For shortcuts: what is not written costs time later, and is no failure. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/** A try costs about 4 us; reading the folder's names, 0.2 us for each. */
const PROBES = 32;

/**
 * Holds the network's lock while `work` runs.
 * @param make the folder is made where it is missing
 * @returns undefined where it is missing and not made
 */
export function withStore<T>(
  dataDir: string,
  network: string,
  make: boolean,
  work: (store: Store) => T,
): T | undefined {
  const lock = `${folderOf(dataDir, network)}/lock`;
  const locked = () =>
    withLock(lock, () => {
      const store = new Store(dataDir, network);
      try {
        return work(store);
      } finally {
        store.close();
      }
    });
  try {
    return locked();
  } catch (error) {
    if (!(error instanceof SystemError && isAbsent(error.errno) && error.path === lock)) throw error;
    if (!make) return undefined;
    makeFolder(folderOf(dataDir, network));
    return locked();
  }
}

/** Frees whatever the holder has. */
export function releaseHolder(dataDir: string, network: string, holder: Holder): void {
  withStore(dataDir, network, false, (store) => {
    store.open(holder.containerId, false);
    const { named, unnamed } = store.find(holder);
    // The reference's rule: a file without an interface name counts when there is none with it.
    if (named.length > 0) store.release(holder, named);
    else store.release({ containerId: holder.containerId, ifname: "" }, unnamed);
  });
}

function folderOf(dataDir: string, network: string): string {
  return `${dataDir}/${network}`;
}

/**
 * Reads a reservation. The reference makes the file first and writes it then: undefined for the empty or torn one that
 * is left when it was killed in between, or the power failed.
 */
function parseHolder(text: string): Holder | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.includes("\0")) return undefined;
  const at = trimmed.indexOf("\r\n");
  if (at < 0) return { containerId: trimmed, ifname: "" };
  const containerId = trimmed.slice(0, at);
  const third = trimmed.indexOf("\r\n=", at + 2);
  return third < 0
    ? { containerId, ifname: trimmed.slice(at + 2) }
    : { containerId, ifname: trimmed.slice(at + 2, third), keptFor: trimmed.slice(third + 3) };
}

function textOf({ containerId, ifname, keptFor }: Holder): string {
  const text = `${containerId}\r\n${ifname}`;
  return keptFor === undefined ? text : `${text}\r\n=${keptFor}`;
}

function sameHolder(a: Holder | undefined, b: Holder): boolean {
  return a?.containerId === b.containerId && a.ifname === b.ifname;
}
