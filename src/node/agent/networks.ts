import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Refused } from "../claim-store.ts";
import { log } from "./log.ts";
import { runPlugin } from "./plugin.ts";
import { type NodeFacts, render } from "./render.ts";
import { places, type Settings } from "./settings.ts";
import { aside, contentsOf, putWhole } from "./whole-file.ts";

/** Which files of the folder are this program's, one a line: of a ConfigMap that lost one, the file goes, too. */
const list = join(places.networks, aside, "networks");

/** Names that runtimes read as networks. */
const isNetwork = (name: string): boolean => /^[^.].*\.conflist$/.test(name);

/**
 * Writes this node's networks into the folder that runtimes read, each whole or not at all.
 * @returns why some could not be written; what was there of these stays
 */
export async function writeNetworks(settings: Settings, facts: NodeFacts): Promise<string[]> {
  mkdirSync(places.networks, { recursive: true });
  const names = readdirSync(places.templates).filter(isNetwork);
  const failures: string[] = [];
  for (const name of names) {
    try {
      await writeNetwork(settings, name, facts);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  const gone = ownNetworks().filter((name) => !names.includes(name));
  for (const name of gone) removeNetwork(name);
  await putWhole(list, Buffer.from(names.map((name) => `${name}\n`).join("")), 0o600);
  return failures;
}

async function writeNetwork({ image }: Settings, name: string, facts: NodeFacts): Promise<void> {
  const template = contentsOf(join(places.templates, name));
  if (template === undefined) return;
  const text = render(name, template.toString("utf8"), facts);
  const file = join(places.networks, name);
  const changed = await putWhole(file, Buffer.from(text), 0o600, async (unfinished) => {
    const { status, stdout, stderr } = await runPlugin(join(image, "ipvlan"), [
      "validate",
      "--no-host",
      "--json",
      unfinished,
    ]);
    if (status === null || status > 1) throw new Error(`ipvlan validate: ${stderr || status}`);
    const { findings } = JSON.parse(stdout) as {
      findings: readonly { severity: string; message: string; pointer: string }[];
    };
    const errors = findings.filter(({ severity }) => severity === "error");
    if (errors.length > 0) {
      throw new Refused(
        `${name} in the ConfigMap: ${errors.map(({ pointer, message }) => `${pointer}: ${message}`).join("; ")}`,
      );
    }
  });
  if (changed) log(`${file} is written`);
}

/** Takes all networks of this program away: no pod starts on them any more. */
export function removeNetworks(): void {
  for (const name of ownNetworks()) removeNetwork(name);
  rmSync(join(places.networks, aside), { recursive: true, force: true });
}

function removeNetwork(name: string): void {
  rmSync(join(places.networks, name), { force: true });
  log(`${join(places.networks, name)} is removed`);
}

const ownNetworks = (): string[] => (contentsOf(list)?.toString("utf8") ?? "").split("\n").filter(isNetwork);
