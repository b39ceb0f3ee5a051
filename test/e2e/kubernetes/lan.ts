/**
 * The network that the nodes are in:
 *
 *     node VM ── tap n1 ──┐
 *                         ├── bridge lan0 ── veth ── the machine "lan": a namespace, no node and no part of the cluster
 *     node VM ── tap n2 ──┘       │
 *                      this program's network: the control plane, and the router of the LAN
 */
import type { ChildProcess } from "node:child_process";
import { execFileSync } from "node:child_process";
import { existsSync, readlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { endChild, spawnBound } from "../../machine/bound-process.ts";

/** An IPv4 and an IPv6 address or network. */
export type Dual = readonly [v4: string, v6: string];

/** Of the control plane and the LAN's router. */
export const router: Dual = ["192.168.50.1", "fd50::1"];
/** Of the machine that is no node. */
export const outsider: Dual = ["192.168.50.9", "fd50::9"];
export const nodeAddresses = (number: number): Dual => [`192.168.50.${10 + number}`, `fd50::${10 + number}`];
export const prefixLengths = [24, 64] as const;

export interface Lan {
  /** Name of the tap for the node of this number, counted from 1. */
  tap(number: number): string;
  /** Words before a command that is run on the machine "lan". */
  readonly onOutsider: readonly string[];
  /** Sends a network by way of a node, as a router that knows the cluster does: here and on the machine "lan". */
  route(cidr: string, node: Dual): void;
  stop(): Promise<void>;
}

/** Makes the LAN in this process's own network namespace. */
export async function makeLan(nodes: number): Promise<Lan> {
  const holder: ChildProcess = spawnBound(["unshare", "--net", "--", "sleep", "infinity"], { stdio: "ignore" });
  const pid = holder.pid as number;
  await untilInNamespace(pid);
  const tap = (number: number) => `n${number}`;
  const onOutsider = ["nsenter", `--net=/proc/${pid}/ns/net`, "--"];
  const here = (commands: readonly string[]) => batch([], commands);
  const there = (commands: readonly string[]) => batch(onOutsider, commands);
  here([
    "link set lo up",
    "link add lan0 type bridge mcast_snooping 0",
    ...router.map((address, i) => `addr add ${address}/${prefixLengths[i]} dev lan0${i === 1 ? " nodad" : ""}`),
    "link set lan0 up",
    `link add outsider type veth peer name eth0 netns ${pid}`,
    "link set outsider master lan0 up",
    ...Array.from({ length: nodes }, (_, i) => tap(i + 1)).flatMap((name) => [
      `tuntap add dev ${name} mode tap`,
      `link set ${name} master lan0 up`,
    ]),
  ]);
  there([
    "link set lo up",
    "link set eth0 up",
    ...outsider.map((address, i) => `addr add ${address}/${prefixLengths[i]} dev eth0${i === 1 ? " nodad" : ""}`),
  ]);
  // The kernel's own filter of bridged packets, where it is loaded, would ask the rules of this namespace: there are none.
  for (const family of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) {
    const file = `/proc/sys/net/${family}`;
    if (existsSync(file)) writeFileSync(file, "1");
  }
  return {
    tap,
    onOutsider,
    route(cidr, node) {
      const via = node[cidr.includes(":") ? 1 : 0];
      for (const run of [here, there]) run([`route replace ${cidr} via ${via}`]);
    },
    stop: () => endChild(holder),
  };
}

function batch(within: readonly string[], commands: readonly string[]): void {
  const [command, ...words] = [...within, "ip", "-batch", "-"];
  execFileSync(command as string, words, { input: `${commands.join("\n")}\n`, stdio: ["pipe", "ignore", "pipe"] });
}

/** `unshare` needs a moment until its network is another one. */
async function untilInNamespace(pid: number): Promise<void> {
  const own = readlinkSync("/proc/self/ns/net");
  while (readlinkSync(`/proc/${pid}/ns/net`) === own) await sleep(10);
}
