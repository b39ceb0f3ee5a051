// npm run crash: generated histories, at the end of which a command is killed before each of its system calls. Prints
// the seed of each that fails.
//
//   npm run crash -- --seed 1 --count 100 --runtime native --runtime node
import { parseArgs } from "node:util";
import { at } from "../../build/paths.ts";
import { hostArch, nodeBinary } from "../../build/runtimes.ts";
import { parseNetworkConfig } from "../../src/config/parse.ts";
import type { Program } from "../differential/lib/crowd.ts";
import { buildDriver } from "../differential/lib/executable.ts";
import { random } from "../differential/lib/random.ts";
import { findReference } from "../differential/lib/reference.ts";
import { type Json, sequence } from "../differential/lib/sequence.ts";
import { crashEverywhere, type Scenario } from "./lib/crash.ts";
import { findStrace } from "./lib/strace.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    count: { type: "string", default: "30" },
    runtime: { type: "string", multiple: true, default: ["native"] },
  },
});
const teardowns: (() => void)[] = [];
const native: Program = { file: await buildDriver({ teardown: (work) => teardowns.push(work) }), args: [] };
const onNode: Program = { file: nodeBinary(hostArch), args: ["--no-warnings", at("test/differential/driver.ts")] };
const reference = await findReference();
const strace = await findStrace();
let failed = 0;

for (let seed = Number(values.seed); seed < Number(values.seed) + Number(values.count); seed++) {
  for (const runtime of values.runtime) {
    const one = scenario(seed);
    const killed = runtime === "node" ? onNode : native;
    const { places, killed: count, failures } = await crashEverywhere(one, { killed, reference, strace });
    console.log(`seed ${seed}, ${runtime}: ${one.name}, killed at ${count} of ${places}, ${failures.length} failed`);
    for (const failure of failures) console.log(`  ${failure}`);
    if (failures.length > 0) failed++;
  }
}
for (const work of teardowns) work();
process.exit(failed > 0 ? 1 : 0);

/** Some commands of a few containers, then one that is killed. */
function scenario(seed: number): Scenario {
  const rng = random(seed);
  const steps = sequence(seed, 4 + rng.below(16), { resolvConf: "/etc/resolv.conf" }).filter(
    ({ command }) => command !== "SPOIL",
  );
  const command = rng.pick(["ADD", "DEL", "GC"] as const);
  const { config } = steps.findLast((step) => isUsable(step.config)) ?? {
    config: { ipam: { type: "host-local", subnet: "10.0.0.0/28" } },
  };
  const isValid = (containerId: string) => Number(containerId.slice(1)) % 2 === 0;
  const valid = ["c0", "c2", "c4"].map((containerID) => ({ containerID, ifname: "eth0" }));
  return {
    name: `${command} after ${steps.length} commands`,
    config: { ...config, cniVersion: "1.0.0" },
    command,
    victim: rng.pick(["c0", "c1", "new"]),
    before: (net) => {
      // One interface each: of several, GC's list keeps one.
      for (const step of steps) net.run(step.command, step.containerId, step.config as Json);
    },
    freed: (containerId) => command === "GC" && !isValid(containerId),
    ...(command === "GC" && { more: { cniVersion: "1.1.0", "cni.dev/valid-attachments": valid } }),
  };
}

function isUsable(config: Json): boolean {
  try {
    // The generator's one fault that shows only later.
    if ((config.ipam as Json).resolvConf === "/nowhere/resolv.conf") return false;
    const context = { command: "ADD", args: "", netns: "/x", ifname: "eth0" } as const;
    parseNetworkConfig(JSON.stringify({ ...config, cniVersion: "1.0.0", name: "net" }), context);
    return true;
  } catch {
    return false;
  }
}
