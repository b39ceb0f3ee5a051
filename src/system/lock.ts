import { port } from "#system";
import { ErrorCode, PluginError } from "../errors.ts";
import { check, Errno } from "./errno.ts";
import { O_CREAT, O_RDWR, openFileStatus, openOwn, readOpen, readText, removeFile, writeAll } from "./files.ts";
import { encode } from "./text.ts";
import { timeLeft } from "./time-budget.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;
const SEEK_SET = 0;

/**
 * Holds flock(2) on a file, made where it is missing, while `work` runs. Waits for whoever holds it as long as the call has time: a process
 * that is stopped keeps its locks. The lock ends with the descriptor, so a killed process never leaves it behind.
 * @throws PluginError 11 that names the lock and its holder
 */
export function withLock<T>(path: string, work: () => T): T {
  const fd = openLocked(path);
  try {
    return work();
  } finally {
    port.close(fd);
  }
}

function openLocked(path: string): number {
  const fd = check(openOwn(path, O_RDWR | O_CREAT), "open", path);
  try {
    lock(fd, path);
    return fd;
  } catch (error) {
    port.close(fd);
    throw error;
  }
}

/** A small file that this process has locked. */
export interface LockedFile {
  readonly text: string;
  /** Writes it anew in place: not whole or not at all, for what may be lost. */
  write(text: string): void;
  /** Removes it when the work under the lock is done. */
  remove(): void;
}

/**
 * {@link withLock} on a file that says something, too. One that says nothing when `work` is done is removed, as is one that `work`
 * removes: who has waited for it meanwhile then locks the one that is made anew under its name.
 */
export function withLockedFile<T>(path: string, work: (file: LockedFile) => T): T {
  for (;;) {
    const fd = openLocked(path);
    try {
      const text = readOpen(fd, path);
      // It is emptied before it is removed, so that one that says something need not be looked at for more.
      if (text === "" && openFileStatus(fd).links === 0) continue;
      let present = text;
      let isAtStart = text === "";
      let isRemoved = false;
      try {
        return work({
          text,
          write(wanted) {
            const bytes = encode(wanted);
            if (!isAtStart) check(port.lseek(fd, 0, SEEK_SET), "lseek", path);
            isAtStart = false;
            writeAll(fd, bytes, path);
            if (bytes.length < encode(present).length) check(port.ftruncate(fd, bytes.length), "ftruncate", path);
            present = wanted;
          },
          remove() {
            isRemoved = true;
          },
        });
      } finally {
        if (isRemoved && present !== "") check(port.ftruncate(fd, 0), "ftruncate", path);
        if (isRemoved || present === "") removeFile(path);
      }
    } finally {
      port.close(fd);
    }
  }
}

/** flock(2) knows no time limit, so it is asked again and again; by many that wait, one of them asks every millisecond. */
function lock(fd: number, path: string): void {
  let began: number | undefined;
  let end = 0;
  for (;;) {
    const result = port.flock(fd, LOCK_EX | LOCK_NB);
    if (result !== -Errno.EAGAIN && result !== -Errno.EINTR) {
      check(result, "flock", path);
      return;
    }
    const now = port.clock();
    if (began === undefined) {
      began = now;
      end = now + timeLeft();
    }
    if (now >= end) throw held(fd, path, now - began);
    port.poll(new Uint8Array(0), 0, Math.min(20, 1 + Math.floor((now - began) / 10)));
  }
}

function held(fd: number, path: string, waited: number): PluginError {
  const holder = holderOf(openFileStatus(fd).identity);
  const [who, cure] =
    holder === undefined
      ? ["a process that is not seen from here", "let it go on, or end it"]
      : [describe(holder), `let it go on, or end it (kill ${holder})`];
  const seconds = Math.round(waited / 1000);
  const message = `waited ${seconds} s for the lock ${path}, held by ${who}: ${cure}, and try again`;
  return new PluginError(ErrorCode.tryAgainLater, message, path);
}

/**
 * The process that holds the lock on a file, by proc_locks(5): `1: FLOCK ADVISORY WRITE 708 08:12:1302 0 EOF`, with `->` before FLOCK where
 * one waits. Its device is the file system's own, which is not always the file's (btrfs, overlay): the inode alone counts then.
 */
function holderOf(identity: string): number | undefined {
  const [major, minor, inode] = identity.split(":").map(Number);
  const holders = [...(readText("/proc/locks") ?? "").matchAll(/^\d+: FLOCK +\S+ +\S+ +(\d+) (\w+):(\w+):(\d+) /gm)]
    .map(([, pid, ...file]) => ({ pid: Number(pid), file }))
    .filter(({ file }) => Number(file[2]) === inode);
  const isSame = ([a = "", b = ""]: string[]) => Number.parseInt(a, 16) === major && Number.parseInt(b, 16) === minor;
  return (holders.find(({ file }) => isSame(file)) ?? holders[0])?.pid;
}

const states: ReadonlyMap<string, string> = new Map([
  ["T", "stopped"],
  ["t", "stopped by a debugger"],
  ["D", "waiting for a device"],
]);

/** `process 708 (ipvlan, stopped)`, by proc(5), /proc/PID/stat: the name in brackets may hold any character. */
function describe(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`) ?? "";
  const end = stat.lastIndexOf(")");
  if (end < 0) return `process ${pid}`;
  const state = states.get(stat[end + 2] ?? "");
  return `process ${pid} (${stat.slice(stat.indexOf("(") + 1, end)}${state === undefined ? "" : `, ${state}`})`;
}
