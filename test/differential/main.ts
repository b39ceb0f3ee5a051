// npm run differential: generated histories against the reference host-local, as many as asked for. Prints the seed of
// each that fails.
//
//   npm run differential -- --seed 1 --count 2000 --length 20 --mode separate
//   npm run differential -- --seed 1 --crowds 20      containers that come and go at once, mixed with the reference
//   HOST_LOCAL=/path/to/host-local npm run differential    against another one than Debian's
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { churn, type Program } from "./lib/crowd.ts";
import { buildDriver } from "./lib/executable.ts";
import { playMany } from "./lib/many.ts";
import type { Mode } from "./lib/play.ts";
import { findReference } from "./lib/reference.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    count: { type: "string", default: "2000" },
    length: { type: "string", default: "20" },
    mode: { type: "string", multiple: true, default: ["separate", "shared"] },
    crowds: { type: "string", default: "0" },
  },
});
const [seed, count, length, crowds] = [values.seed, values.count, values.length, values.crowds].map(Number) as [
  number,
  number,
  number,
  number,
];
const reference = await findReference();
let failed = 0;

if (crowds === 0) {
  for (const mode of values.mode as Mode[]) {
    const started = performance.now();
    const failures = await playMany({ mode, seed, count, length, reference });
    for (const { seed, message } of failures) console.log(`seed ${seed}: ${message}\n`);
    failed += failures.length;
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(
      `${mode}: ${count} histories of ${length} commands from seed ${seed}, ${failures.length} failed, ${seconds} s`,
    );
  }
}
const teardowns: (() => void)[] = [];
const driver: Program | undefined =
  crowds === 0 ? undefined : { file: await buildDriver({ teardown: (work) => teardowns.push(work) }), args: [] };
for (let i = 0; driver !== undefined && i < crowds; i++) {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-crowd-"));
  const ipam = {
    type: "host-local",
    dataDir: folder,
    ranges: [[{ subnet: "10.3.0.0/28" }], [{ subnet: "2001:db8::/124" }]],
  };
  const config = { cniVersion: "1.0.0", name: "crowd", type: "ipvlan", master: "eth0", ipam };
  try {
    const alive = await churn({
      programs: [driver, { file: reference, args: [] }],
      config,
      seed: seed + i,
      size: 20,
      rounds: 10,
    });
    console.log(`crowd ${seed + i}: ${alive.size} alive at the end`);
  } catch (error) {
    failed++;
    console.log(`crowd ${seed + i}: ${error instanceof Error ? error.message : error}`);
  }
  rmSync(folder, { recursive: true, force: true });
}
for (const work of teardowns) work();
process.exit(failed > 0 ? 1 : 0);
