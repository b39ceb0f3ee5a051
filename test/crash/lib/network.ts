// A network in a folder of its own, used in this process, without a crash, around the command that is killed.
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Outcome, runIpam } from "../../differential/lib/command.ts";
import type { Json } from "../../differential/lib/sequence.ts";

export class Network {
  readonly dataDir = mkdtempSync(join(tmpdir(), "ipvlan-crash-"));
  readonly config: Json;

  /** @param config without name and dataDir */
  constructor(config: Json) {
    this.config = config;
  }

  /** @param more keys of a configuration to put in place of the network's */
  stdin(more: Json = {}): string {
    const whole: Json = { type: "ipvlan", master: "eth0", ...this.config, ...more };
    return JSON.stringify({ ...whole, name: "net", ipam: { ...(whole.ipam as Json), dataDir: this.dataDir } });
  }

  run(command: string, containerId: string, more: Json = {}): Outcome {
    return runIpam(variables(command, containerId), this.stdin(more));
  }

  /** Address to the file's text. */
  held(): Map<string, string> {
    const files = this.files().filter((name) => name !== "lock" && !name.startsWith("last_reserved_ip."));
    return new Map(files.map((name) => [name, readFileSync(join(this.dataDir, "net", name), "utf8")]));
  }

  /** The addresses of one container. */
  addressesOf(containerId: string): string[] {
    return [...this.held()].filter(([, text]) => holderOf(text) === containerId).map(([name]) => name);
  }

  files(): string[] {
    return namesIn(join(this.dataDir, "net"));
  }

  /** All files of the index and its neighbours, as paths in `.ipvlan-cni`. */
  ownFiles(): string[] {
    return namesIn(join(this.dataDir, ".ipvlan-cni"));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.dataDir, "net", name), text);
  }

  /** As if the machine had been booted since: every reservation is old, and another boot is on record. */
  reboot(): void {
    for (const name of this.held().keys()) utimesSync(join(this.dataDir, "net", name), 1, 1);
    writeFileSync(join(this.dataDir, ".ipvlan-cni/networks/net/boot"), "another boot");
    utimesSync(join(this.dataDir, "net"), 1, 1);
  }

  remove(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Begins again, in the same place. */
  clear(): void {
    for (const name of readdirSync(this.dataDir)) rmSync(join(this.dataDir, name), { recursive: true });
  }
}

/** The container that a reservation's text names. */
export function holderOf(text: string): string {
  return text.split("\r\n")[0] as string;
}

function namesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).sort();
  } catch {
    return [];
  }
}

export function variables(command: string, containerId: string): Record<string, string> {
  return {
    CNI_COMMAND: command,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: "/run/netns/x",
    CNI_IFNAME: "eth0",
    CNI_PATH: "/nowhere",
  };
}
