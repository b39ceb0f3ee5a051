/**
 * The folder of one running machine: its channel's socket, its console's log, and the folder shared with the guest.
 */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache, repository } from "./paths.ts";

export interface RunFolder {
  path: string;
  /** Unix socket of the agent's channel. */
  socket: string;
  /** Unix socket of the terminal for a developer's shell. */
  terminal: string;
  /** What the kernel and the start of the guest printed. */
  console: string;
  /** What the emulator itself printed. */
  emulator: string;
  /** Both sides can write here; the guest's path is /run/ipvlan-test. */
  share: string;
}

const runs = join(cache, "run");

/** The names in the folder of a machine. */
export function runFolder(path: string): RunFolder {
  return {
    path,
    socket: join(path, "channel"),
    terminal: join(path, "terminal"),
    console: join(path, "console.log"),
    emulator: join(path, "emulator.log"),
    share: join(path, "share"),
  };
}

let made = 0;

/** Makes the folder of a new machine, with the programs of the guest in it and the settings they read. */
export function makeRunFolder(settings: Record<string, string>): RunFolder {
  removeLeftovers();
  const folder = runFolder(join(runs, `${process.pid}-${++made}`));
  rmSync(folder.path, { recursive: true, force: true });
  mkdirSync(folder.share, { recursive: true });
  cpSync(join(import.meta.dirname, "guest"), join(folder.share, "guest"), { recursive: true });
  const lines = Object.entries({ repository, hostname: "ipvlan-test", ...settings });
  writeFileSync(join(folder.share, "settings.sh"), lines.map(([name, value]) => `${name}=${quote(value)}\n`).join(""));
  writeFileSync(folder.console, "");
  return folder;
}

/** Removes the folder of a machine that is no more, except for its console, which is kept as the last one's. */
export function removeRunFolder(folder: RunFolder): void {
  if (existsSync(folder.console)) {
    renameSync(folder.console, join(cache, "last-console.log"));
  }
  rmSync(folder.path, { recursive: true, force: true });
}

/** Removes the folders of machines whose owner was killed. */
function removeLeftovers(): void {
  for (const name of existsSync(runs) ? readdirSync(runs) : []) {
    if (!existsSync(`/proc/${name.split("-")[0]}`)) {
      rmSync(join(runs, name), { recursive: true, force: true });
    }
  }
}

/** The error for a machine that failed: what was seen, and the last 40 lines of its console and its emulator. */
export function machineError(folder: RunFolder, seen: string): Error {
  const said = [folder.console, folder.emulator].map(lastLines).join("").trimEnd();
  return new Error(`the test machine failed: ${seen}\n${said === "" ? "(its console is empty)" : said}`);
}

function lastLines(file: string): string {
  const text = existsSync(file) ? readFileSync(file, "latin1") : "";
  // Without the firmware's escape sequences, which would clear the reader's screen.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  const plain = text.replace(/\x1b(\[[0-9;?=]*[A-Za-z]|c)/g, "").replaceAll("\r", "");
  const lines = plain.split("\n").filter((line) => line.trim() !== "");
  // Of a panic, its cause is mostly in the lines before it.
  const panic = lines.findIndex((line) => line.includes("Kernel panic"));
  const shown = panic < 0 ? lines.slice(-40) : lines.slice(Math.max(panic - 25, 0), panic + 15);
  return shown.map((line) => `  | ${line}\n`).join("");
}

/** `text` as one word of a shell script. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
