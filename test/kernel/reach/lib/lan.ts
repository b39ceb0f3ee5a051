import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { GuestGroup } from "../../../machine/packages.ts";
import type { Answer, Call, Lab } from "../../lib/lab.ts";
import { openLab } from "../../lib/open-lab.ts";

const words = readFileSync(new URL("lan.sh", import.meta.url), "utf8");
const traffic = fileURLToPath(new URL("traffic.pl", import.meta.url));

export type Mode = "l2" | "l3" | "l3s";
export const modes: readonly Mode[] = ["l2", "l3", "l3s"];

/** The hosts, pods, machine and router of lan.sh, and what tests do with them. */
export interface Lan {
  readonly lab: Lab;
  /** Runs a script that may use the words of lan.sh as well; fails unless it ends with 0. @returns its output */
  sh(script: string): Promise<string>;
  /**
   * Asks from a namespace, all at once.
   * @param targets see traffic.pl
   * @param seconds time for an answer
   * @returns by target: what answered, `-` for nothing
   */
  ask(from: string, targets: readonly string[], seconds?: number): Promise<Record<string, string>>;
  /** CHECK of a pod with the result of its ADD. */
  check(netns: string, config: object, prevResult: unknown): Promise<Answer>;
}

/** The call of a pod: on h2 where its name begins with q. */
export function pod(netns: string, config: object, more: Partial<Call> = {}): Call {
  return { netns, host: netns.startsWith("q") ? "h2" : "h1", config, ...more };
}

/** @param groups of packages besides the base */
export async function openLan(groups: readonly GuestGroup[] = []): Promise<Lan> {
  const lab = await openLab(groups);
  const sh = async (script: string) => {
    const { code, stdout, stderr } = await lab.sh(`traffic=${traffic}\n${words}\n${script}`, { timeoutMs: 120_000 });
    if (code !== 0) throw new Error(`exit code ${code}: ${stderr}${stdout}\n${script}`);
    return stdout;
  };
  await sh("lan");
  return {
    lab,
    sh,
    check: (netns, config, prevResult) => lab.call({ ...pod(netns, { ...config, prevResult }), command: "CHECK" }),
    async ask(from, targets, seconds = 8) {
      const text = await sh(`ask ${from} ${seconds} ${targets.join(" ")}`);
      return Object.fromEntries(
        text
          .trim()
          .split("\n")
          .map((line) => line.split(" ") as [string, string]),
      );
    },
  };
}

/** The addresses of a result, without their lengths. */
export function addressesOf(result: { readonly ips: readonly { readonly address: string }[] }): string[] {
  return result.ips.map(({ address }) => address.replace(/\/.*/, ""));
}

/** Ports of traffic.pl. */
const ports: Readonly<Record<string, number>> = { tcp: 80, udp: 80, bulk: 81 };

/** Targets of each kind at each address. */
export function both(addresses: readonly string[], kinds: readonly string[]): string[];
/** The answers to these, where each address is asked by the source of the same place. */
export function both(
  addresses: readonly string[],
  kinds: readonly string[],
  sources: readonly string[],
): Record<string, string>;
export function both(
  addresses: readonly string[],
  kinds: readonly string[],
  sources?: readonly string[],
): string[] | Record<string, string> {
  const targets = addresses.flatMap((address) => kinds.map((kind) => `${kind}:${address}:${ports[kind]}`));
  if (sources === undefined) return targets;
  const answers = sources.flatMap((source) => kinds.map((kind) => (kind === "bulk" ? "whole" : source)));
  return Object.fromEntries(targets.map((target, index) => [target, answers[index] as string]));
}
