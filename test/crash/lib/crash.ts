// A command is killed before each of its system calls that changes something, and what it left is looked at.
import { deepEqual, equal, ok } from "node:assert/strict";
import { meaningOf } from "../../differential/lib/compare.ts";
import type { Program } from "../../differential/lib/crowd.ts";
import { runProgram } from "../../differential/lib/reference.ts";
import type { Json } from "../../differential/lib/sequence.ts";
import { holderOf, Network, variables } from "./network.ts";
import type { Command, Strace } from "./strace.ts";

export interface Scenario {
  readonly name: string;
  /** The network's configuration without name and dataDir. */
  readonly config: Json;
  readonly command: "ADD" | "DEL" | "GC";
  /** The container that the command is about. */
  readonly victim: string;
  /** What has happened before. */
  readonly before: (net: Network) => void;
  /** Containers whose addresses the command is meant to free, beside the victim's; all others keep theirs. */
  readonly freed: (containerId: string) => boolean;
  /** Keys of the configuration for this command. */
  readonly more?: Json;
  /** An address whose file is empty beforehand. */
  readonly torn?: string;
}

export interface Programs {
  /** What is killed. */
  readonly killed: Program;
  /** Path of the reference host-local. */
  readonly reference: string;
  readonly strace: Strace;
}

export interface Report {
  readonly places: number;
  readonly killed: number;
  readonly failures: readonly string[];
}

export async function crashEverywhere(scenario: Scenario, { killed, reference, strace }: Programs): Promise<Report> {
  const net = new Network(scenario.config);
  try {
    const command: Command = {
      ...killed,
      variables: variables(scenario.command, scenario.victim),
      stdin: net.stdin(scenario.more),
      dataDir: net.dataDir,
    };
    scenario.before(net);
    const places = await strace.places(command);
    const failures: string[] = [];
    let count = 0;
    for (const [index, place] of places.entries()) {
      net.clear();
      scenario.before(net);
      const kept = keptOf(net, scenario);
      if (await strace.kill(command, place)) count++;
      try {
        // By turns, this plugin or the reference is the next to use what was left.
        const isHostLocal = (scenario.config.ipam as Json).type === "host-local";
        await examine(net, kept, scenario, isHostLocal && index % 2 === 1 ? reference : undefined);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        failures.push(`killed before ${place.call} number ${place.when}: ${message}`);
      }
    }
    return { places: places.length, killed: count, failures };
  } finally {
    net.remove();
  }
}

/** Addresses by the containers that must keep them. */
export function keptOf(net: Network, { victim, freed }: Pick<Scenario, "victim" | "freed">): Map<string, string[]> {
  const holders = new Set([...net.held().values()].map(holderOf));
  const kept = [...holders].filter((id) => id !== "" && id !== victim && !freed(id));
  return new Map(kept.map((id) => [id, net.addressesOf(id)]));
}

/**
 * No file of ours is torn; nobody who had an address has lost it; the next ADD gets none that is held; DEL and GC leave
 * nothing.
 * @param reference the program that is the next to use the network, in place of ours
 */
export async function examine(
  net: Network,
  kept: ReadonlyMap<string, string[]>,
  { victim, torn }: Pick<Scenario, "victim" | "torn">,
  reference: string | undefined,
): Promise<void> {
  for (const [name, text] of net.held()) {
    const isWhole = /^\S+\r\n\S+$/.test(text);
    ok(isWhole || name === torn || name.endsWith(".tmp"), `${name} is torn: ${JSON.stringify(text)}`);
  }
  const keeps = (when: string) => {
    for (const [id, addresses] of kept) deepEqual(net.addressesOf(id), addresses, `${id}'s addresses ${when}`);
  };
  keeps("after the crash");
  const run = async (command: string, id: string, allowed: readonly string[]) => {
    const { status, stdout } = await (reference === undefined
      ? net.run(command, id)
      : runProgram(reference, [], variables(command, id), net.stdin()));
    const meaning = meaningOf(status, stdout);
    ok("result" in meaning || allowed.includes(meaning.error), `${command} ${id}: ${stdout}`);
  };

  const before = net.held();
  await run("ADD", "next", refusals);
  const holders = net.addressesOf("next").map((address) => holderOf(before.get(address) ?? ""));
  for (const holder of holders) ok(!kept.has(holder), `next has an address of ${holder}`);
  keeps("after the next ADD");
  await run("DEL", victim, []);
  deepEqual(net.addressesOf(victim), [], `DEL leaves nothing of ${victim}`);
  keeps("after DEL");

  for (const command of ["ADD", "DEL"]) {
    const meaning = meaningOf(...answerOf(net, command, victim));
    ok("result" in meaning || refusals.includes(meaning.error), `${command} again: ${JSON.stringify(meaning)}`);
  }
  keeps("after another ADD and DEL");
  equal(net.run("GC", "", { cniVersion: "1.1.0", "cni.dev/valid-attachments": [] }).stdout, "");
  equal([...net.held().keys()].join(), "", "GC leaves no reservation and no leftover");
  const known = /^(lock|pools\/net|networks\/net\/([01][0-9a-f]{2}|boot|machine))$/;
  equal(
    net
      .ownFiles()
      .filter((name) => !known.test(name))
      .join(),
    "",
    "nothing strange beside the index",
  );
}

/** Errors that an ADD may well answer: for want of addresses, or of those that the configuration asks for. */
const refusals = ["exhausted", "unmet", "taken", "gateway"];

function answerOf(net: Network, command: string, id: string): [number, string] {
  const { status, stdout } = net.run(command, id);
  return [status, stdout];
}
