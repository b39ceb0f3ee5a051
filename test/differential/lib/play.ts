// Plays a generated history on our allocator and on the reference, and compares what they answer and what they leave.
import { deepEqual } from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Outcome, runIpam } from "./command.ts";
import { filesIn, type Meaning, meaningOf } from "./compare.ts";
import { random } from "./random.ts";
import { runProgram } from "./reference.ts";
import { type Json, type Step, sequence } from "./sequence.ts";

/**
 * `separate`: each in a folder of its own. `shared`: in one folder, the one or the other by chance, beside the
 * reference alone in another.
 */
export type Mode = "separate" | "shared";

export interface Options {
  readonly mode: Mode;
  readonly seed: number;
  readonly length: number;
  /** Path of the reference host-local. */
  readonly reference: string;
}

/** @throws AssertionError that shows the step and the difference */
export async function play({ mode, seed, length, reference }: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-differential-"));
  try {
    const resolvConf = join(folder, "resolv.conf");
    writeFileSync(resolvConf, "nameserver 192.0.2.1\nsearch example\n");
    const steps = sequence(seed, length, { resolvConf });
    const rng = random(seed + 1);
    const tested = new Side(join(folder, "tested"), reference);
    const model = new Side(join(folder, "model"), reference);
    for (const [index, step] of steps.entries()) {
      const before = filesIn(model.network);
      const ours = mode === "separate" || rng.chance(0.5);
      const got = await tested.run(step, ours);
      const wanted = await model.run(step, false);
      const where = {
        seed,
        mode,
        step: index,
        by: ours ? "ours" : "reference",
        ...step,
        words: [tested.words, model.words],
      };
      if (step.command === "DEL" && "error" in wanted) {
        // Meant: ours needs no valid ranges to free what is held. One that the reference understands makes both equal
        // again.
        if (ours) expect(got, { result: undefined }, where);
        await both({ ...step, config: plainConfig });
      } else {
        expect(got, wanted, where);
      }
      if (step.command === "ADD" && "error" in wanted) {
        // Meant: a failed ADD of the reference frees all that the interface held, from earlier ADDs too, so that a
        // running container's address goes to others; ours gives back only what it took itself.
        const after = filesIn(model.network);
        const lost = Object.keys(before).filter((name) => !(name in after));
        for (const name of lost) expect(before[name], `${step.containerId}\r\n${step.ifname}`, where);
        if (lost.length > 0) await both({ ...step, command: "DEL", config: plainConfig });
      }
      expect(filesIn(tested.network), filesIn(model.network), where);

      async function both(del: Step): Promise<void> {
        await tested.run(del, true);
        await model.run(del, false);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const plainConfig: Json = {
  cniVersion: "1.0.0",
  type: "ipvlan",
  master: "eth0",
  ipam: { type: "host-local", subnet: "10.0.0.0/24" },
};

function expect(got: unknown, wanted: unknown, where: object): void {
  deepEqual({ ...where, got }, { ...where, got: wanted });
}

/** A data folder and what has happened in it. */
class Side {
  readonly network: string;
  /** The last answer as it came, to explain a difference. */
  words = "";
  readonly #dataDir: string;
  readonly #reference: string;
  /** By interface, for prevResult. */
  readonly #results = new Map<string, Json>();

  constructor(dataDir: string, reference: string) {
    this.#dataDir = dataDir;
    this.#reference = reference;
    this.network = join(dataDir, "net");
  }

  async run(step: Step, ours: boolean): Promise<Meaning> {
    const { command, containerId, ifname, args } = step;
    if (command === "SPOIL") {
      mkdirSync(this.network, { recursive: true });
      writeFileSync(join(this.network, "last_reserved_ip.0"), step.text);
      return { result: undefined };
    }
    const key = `${containerId} ${ifname}`;
    const prevResult = command === "CHECK" ? this.#results.get(key) : undefined;
    const stdin = JSON.stringify({
      ...step.config,
      name: "net",
      ipam: { ...(step.config.ipam as Json), dataDir: this.#dataDir },
      ...(prevResult !== undefined && { prevResult }),
    });
    const variables = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: containerId,
      CNI_NETNS: "/run/netns/x",
      CNI_IFNAME: ifname,
      CNI_PATH: "/nowhere",
      CNI_ARGS: args,
    };
    const outcome: Outcome = ours ? runIpam(variables, stdin) : await runProgram(this.#reference, [], variables, stdin);
    const meaning = meaningOf(outcome.status, outcome.stdout);
    this.words = outcome.stdout;
    if (command === "ADD" && "result" in meaning && meaning.result !== undefined)
      this.#results.set(key, meaning.result);
    return meaning;
  }
}
