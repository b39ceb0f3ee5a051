/**
 * Test servers at every kind of place, started once for all scenarios: each can be told to ask another, over HTTP (TCP) or UDP, and
 * answers with its name and with the address that it sees the asker come from.
 */

import { hostname } from "node:os";
import { join } from "node:path";
import { endChild, spawnBound } from "../../machine/bound-process.ts";
import { until } from "./api.ts";
import type { Cluster } from "./cluster.ts";
import { type Dual, outsider } from "./lan.ts";
import { httpPort, pod, ready, udpPort } from "./pods.ts";

export interface Server {
  readonly name: string;
  /** What it calls itself. */
  readonly hostname: string;
  readonly addresses: Dual;
}

export interface Servers {
  /** `a` and `b` on the first node, `c` on the second. */
  readonly a: Server;
  readonly b: Server;
  readonly c: Server;
  /** The nodes themselves: pods in their network. */
  readonly node1: Server;
  readonly node2: Server;
  /** A machine of the LAN that is no node. */
  readonly lan: Server;
}

export type Protocol = "http" | "udp";
export const protocols: readonly Protocol[] = ["http", "udp"];
export const portOf = (protocol: Protocol): number => (protocol === "http" ? httpPort : udpPort);

const made = new WeakMap<Cluster, Promise<Servers>>();

export function servers(cluster: Cluster): Promise<Servers> {
  const found = made.get(cluster) ?? start(cluster);
  made.set(cluster, found);
  return found;
}

async function start({ api, nodes, lan, programs, started: ends }: Cluster): Promise<Servers> {
  const [one, two] = nodes.map(({ name }) => name) as [string, string];
  const server = async (name: string, node: string, hostNetwork = false): Promise<Server> => {
    const object = pod(name, { node, hostNetwork, labels: hostNetwork ? {} : { group: "web" } });
    await api.create(object);
    const addresses = (await ready(api, object)) as unknown as Dual;
    return { name: hostNetwork ? node : `pod ${name}`, hostname: hostNetwork ? node : name, addresses };
  };
  const child = spawnBound(
    [
      ...lan.onOutsider,
      join(programs.kubernetes, "agnhost"),
      "netexec",
      `--http-port=${httpPort}`,
      `--udp-port=${udpPort}`,
    ],
    { stdio: "ignore" },
  );
  ends.add(() => endChild(child));
  const [a, b, c, node1, node2] = (await Promise.all([
    server("a", one),
    server("b", one),
    server("c", two),
    server("host-1", one, true),
    server("host-2", two, true),
  ])) as [Server, Server, Server, Server, Server];
  const onLan = { name: "machine of the LAN", hostname: hostname(), addresses: outsider };
  const all = { a, b, c, node1, node2, lan: onLan };
  // A pod is Ready when its program runs, which is a while before it listens.
  for (const each of Object.values(all)) {
    await until(`${each.name} answers`, 120, async () => (await command(each, "/hostname")) || undefined);
  }
  return all;
}

/** Tells a server something from here, the router of the LAN. */
export async function command(server: Server, path: string, seconds = 30): Promise<string> {
  const [address] = server.addresses;
  try {
    const signal = AbortSignal.timeout(seconds * 1000);
    return await (await fetch(`http://${address}:${httpPort}${path}`, { signal })).text();
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    throw new Error(`${server.name} cannot be told anything from the router of the LAN: ${cause}`);
  }
}

export interface Question {
  readonly host: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly request?: "hostname" | "clientip";
}

/** Lets a server ask another. @returns the answer; throws where there is none within 5 s */
export async function ask(from: Server, { host, port, protocol, request = "hostname" }: Question): Promise<string> {
  const words = new URLSearchParams({ host, port: String(port), protocol, request, tries: "1" });
  const text = await command(from, `/dial?${words}`);
  const { responses, errors } = parsed(text) as { responses?: string[]; errors?: string[] };
  const [answer] = responses ?? [];
  if (answer === undefined) {
    throw new Error(`${from.name} asked ${protocol} ${host} port ${port}: ${errors?.join("; ") ?? text}`);
  }
  return answer;
}

function parsed(text: string): object {
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [text.trim()] };
  }
}

/** Asks who answers. @throws where it is none of those */
export async function answeredBy(from: Server, to: Question, ...expected: readonly Server[]): Promise<void> {
  const answer = await ask(from, to);
  if (!expected.some((server) => server.hostname === answer)) {
    throw new Error(`${from.name} asked ${to.protocol} ${to.host} port ${to.port}, and ${answer} answered`);
  }
}

/** @returns the address that the one who answers sees, without its port */
export async function seenAs(from: Server, to: Question): Promise<string> {
  const answer = await ask(from, { ...to, request: "clientip" });
  return answer
    .replace(/:\d+$/, "")
    .replace(/^\[|\]$/g, "")
    .replace(/^::ffff:/, "");
}
