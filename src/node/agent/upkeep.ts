import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { log } from "./log.ts";
import { runPlugin } from "./plugin.ts";
import { places, type Settings } from "./settings.ts";

const LINKS_MS = 2000;
/** What nobody tells of, such as a firewall that was loaded anew, is put right after so long. */
const REPAIR_MS = 60_000;
/** So often the reservations are looked at; after a change, those that follow it are waited for as long. */
const SETTLE_MS = 1000;
/** Also where nothing changes: an empty block is given back after a while. */
const SYNC_MS = 300_000;
/** Where the store was not reached, or no network has a pool of the cluster yet. */
const RETRY_MS = 15_000;

/** Puts back what the host has lost for its containers, soon after a link went down and up, until `signal`. */
export async function keepReach({ image }: Settings, signal: AbortSignal): Promise<void> {
  let seen = "";
  let last = 0;
  while (!signal.aborted) {
    const present = links();
    if (present !== seen || Date.now() - last >= REPAIR_MS) {
      // The carrier comes some time after the link: what changed in between is seen the next time.
      seen = present;
      last = Date.now();
      const { status, stderr } = await runPlugin(join(image, "ipvlan"), ["doctor", "--repair", "--json"]);
      if (status === null || status > 1) log(`ipvlan doctor --repair: ${stderr || status}`);
    }
    await pause(LINKS_MS, signal);
  }
}

/** What tells that a link was down, or has another hardware address: changes with each of these. */
function links(): string {
  return readdirSync("/sys/class/net")
    .map((name) => {
      const read = (file: string): string => {
        try {
          return readFileSync(`/sys/class/net/${name}/${file}`, "utf8").trim();
        } catch {
          // The link is down, or gone by now.
          return "-";
        }
      };
      // Containers' links come and go: only what has a device or a carrier of its own counts.
      return name.startsWith("veth")
        ? ""
        : [name, read("carrier_changes"), read("operstate"), read("address")].join(" ");
    })
    .join("\n");
}

/** Tells the store what this node holds, and claims ahead, whenever that changes, until `signal`. */
export async function keepClaims({ image }: Settings, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const before = reservations();
    const { status, stdout, stderr } = await runPlugin(join(image, "ipvlan"), ["cluster", "sync"]);
    if (status !== 0) log(stderr.trim() || `ipvlan cluster sync: ${status}`);
    // It prints a line for each pool: where there is none, what changes is nobody's to be told.
    const hasPool = status !== 0 || stdout !== "";
    const isSettled = (): boolean => !hasPool || reservations() === before;
    const end = Date.now() + (status === 0 && hasPool ? SYNC_MS : RETRY_MS);
    while (!signal.aborted && Date.now() < end && isSettled()) await pause(SETTLE_MS, signal);
    await pause(SETTLE_MS, signal);
  }
}

/** The addresses that are reserved on this node, of all networks. Looked at: of new folders' files not every event comes. */
function reservations(): string {
  return networks()
    .flatMap((network) => entriesOf(join(places.reservations, network)).map((name) => `${network}/${name}`))
    .filter((path) => /\/[\d.]+$|:/.test(path))
    .join("\n");
}

const networks = (): string[] => entriesOf(places.reservations).filter((name) => !name.startsWith("."));

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // It comes with the first container; beside the networks' folders there may be files.
    return [];
  }
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => undefined);
