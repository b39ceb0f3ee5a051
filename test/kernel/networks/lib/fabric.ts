import { readFileSync } from "node:fs";
import type { Test } from "tap";
import type { Answer, Call, Lab } from "../../lib/lab.ts";
import { nothingLeft, openLab } from "../../lib/open-lab.ts";
import { executionConfig, type Network } from "./examples.ts";

const words = readFileSync(new URL("fabric.sh", import.meta.url), "utf8");

/** A container to be attached: its namespace, or that and more. */
export type Attachment =
  | string
  | { readonly container: string; readonly host?: string; readonly ips?: readonly string[] };

/** A network and containers to be attached to it. */
export type Group = readonly [network: Network, ...containers: readonly Attachment[]];

/** What `ip` shows of a container's eth0, without the words that say nothing of the network (metric, proto, lifetimes). */
export interface Shown {
  /** ip -d link, one line. */
  readonly link: string;
  /** "inet 192.168.20.2/24", "inet6 2001:db8:abc2::1/64 nodad"; link-local ones left out. */
  readonly addresses: readonly string[];
  /** "default via 192.168.20.1 dev eth0", sorted. */
  readonly routes: readonly string[];
  /** Those of link-local and multicast addresses left out. */
  readonly routes6: readonly string[];
}

/** The hosts, switch and router of fabric.sh, and what tests do with them. */
export interface Fabric {
  readonly lab: Lab;
  /** Runs a script that may use the words of fabric.sh as well; fails unless it ends with 0. @returns its output */
  sh(script: string): Promise<string>;
  /**
   * ADDs, one after another, that must succeed: addresses are given in this order. A container whose name begins with d is on
   * h2, others on h1.
   * @returns the results
   */
  // biome-ignore lint/suspicious/noExplicitAny: results
  attach(network: Network, ...containers: readonly Attachment[]): Promise<any[]>;
  /** The same to several networks at once, the containers of each one after another. */
  // biome-ignore lint/suspicious/noExplicitAny: results
  attachAtOnce(...groups: readonly Group[]): Promise<any[]>;
  /** DELs, all at once, that must succeed. */
  detach(network: Network, ...containers: readonly Attachment[]): Promise<void>;
  detachAtOnce(...groups: readonly Group[]): Promise<void>;
  /** One ADD, whatever comes. */
  add(network: Network, container: Attachment): Promise<Answer>;
  show(container: string): Promise<Shown>;
  /** Pings for each line "FROM TO yes|no" and compares the answers. */
  reach(test: Test, lines: string): Promise<void>;
  /** The packets of a capture since the last call, without the kernel's own multicast chatter. */
  packets(capture: string): Promise<string[]>;
  /** Fails unless nothing of the plugin's is left on the hosts; default h1. */
  nothingLeft(test: Test, ...hosts: readonly string[]): Promise<void>;
}

export async function openFabric(): Promise<Fabric> {
  const lab = await openLab();
  const sh = (script: string) => lab.ok(`${words}\n${script}`, { timeoutMs: 60_000 });
  await sh("fabric");
  // biome-ignore lint/suspicious/noExplicitAny: results
  const succeeded = (command: string, answers: readonly Answer[]): any[] => {
    for (const { code, stdout, stderr } of answers) {
      if (code !== 0) throw new Error(`${command} failed: ${stdout}${stderr}`);
    }
    return answers.map(({ json }) => json);
  };
  const attachAtOnce = async (...groups: readonly Group[]) =>
    succeeded("ADD", await lab.together(groups.map((group) => callsOf("ADD", group))));
  const detachAtOnce = async (...groups: readonly Group[]) => {
    succeeded("DEL", await lab.together(groups.flatMap((group) => callsOf("DEL", group))));
  };
  return {
    lab,
    sh,
    attach: (network, ...containers) => attachAtOnce([network, ...containers]),
    attachAtOnce,
    detach: (network, ...containers) => detachAtOnce([network, ...containers]),
    detachAtOnce,
    add: (network, container) => lab.call(callOf("ADD", network, container)),
    show: async (container) => parseShown(await sh(`look ${container}`)),
    async reach(test, lines) {
      const expected = lines.trim().split(/\s*\n\s*/);
      const seen = await sh(`reach <<'END'\n${expected.join("\n")}\nEND`);
      test.strictSame(seen.trim().split("\n"), expected, "who reaches whom");
    },
    async packets(capture) {
      const lines = (await sh(`packets ${capture}`)).split("\n");
      return lines.filter((line) => line !== "" && !/multicast listener|router solicitation/.test(line));
    },
    nothingLeft: (test, ...hosts) => nothingLeft(test, lab, hosts.length === 0 ? ["h1"] : hosts),
  };
}

/** The plugin's calls for the containers of a network. */
export function callsOf(command: "ADD" | "DEL", [network, ...containers]: Group): Call[] {
  return containers.map((container) => callOf(command, network, container));
}

/** The plugin's call for a container of a network. */
export function callOf(command: "ADD" | "DEL", network: Network, attachment: Attachment): Call {
  const { container, host, ips } = typeof attachment === "string" ? { container: attachment } : attachment;
  return {
    command,
    netns: container,
    host: host ?? (container.startsWith("d") ? "h2" : "h1"),
    config: executionConfig(network, ips),
  };
}

function parseShown(text: string): Shown {
  const lines = text.split("\n").filter((line) => line !== "");
  const addresses = lines.flatMap((line) => {
    const [, family, address, rest = ""] = /^\d+: eth0 +(inet6?) (\S+)(.*)/.exec(line) ?? [];
    if (address === undefined || address.startsWith("fe80")) return [];
    const state = /tentative|dadfailed|nodad|deprecated/.exec(rest)?.[0];
    return [`${family} ${address}${state === undefined ? "" : ` ${state}`}`];
  });
  const routes = lines.filter((line) => / dev /.test(line) && !/ table |^(fe80|multicast|\d+: )/.test(line));
  const clean = (line: string) => line.replace(/ (proto|metric|pref) \S+/g, "").trim();
  const isOf6 = (line: string) => line.includes(" pref ");
  return {
    link: lines.find((line) => line.includes(" ipvlan ")) ?? "",
    addresses,
    routes: routes
      .filter((line) => !isOf6(line))
      .map(clean)
      .sort(),
    routes6: routes.filter(isOf6).map(clean).sort(),
  };
}
