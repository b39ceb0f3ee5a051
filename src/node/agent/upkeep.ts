import { readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { log } from "./log.ts";
import { runPlugin } from "./plugin.ts";
import { places, type Settings } from "./settings.ts";

const LINKS_MS = 2000;
/** What nobody tells of, such as a firewall that was loaded anew, is put right after so long. */
const REPAIR_MS = 60_000;
/** After a change of the reservations, those that follow it are waited for. */
const SETTLE_MS = 1000;
/** Also where nothing changes: an empty block is given back after a while. */
const SYNC_MS = 300_000;

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
    const changed = somethingReserved(signal);
    const { status, stderr } = await runPlugin(join(image, "ipvlan"), ["cluster", "sync"]);
    // 2: there is no network with a cluster's pool, or the store is away.
    if (status !== 0) log(stderr.trim() || `ipvlan cluster sync: ${status}`);
    await Promise.race([changed, pause(SYNC_MS, signal)]);
    await pause(SETTLE_MS, signal);
  }
}

/** Comes when an address is reserved or given back. */
function somethingReserved(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    try {
      const watcher = watch(places.reservations, { recursive: true, signal }, (_event, name) => {
        // An address's own file: the allocator's others change with each of these.
        if (!/(^|\/)[\d.]+$|:/.test(name ?? "")) return;
        watcher.close();
        resolve();
      });
      watcher.on("error", () => undefined);
    } catch {
      // The folder comes with the first container.
    }
  });
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => undefined);
