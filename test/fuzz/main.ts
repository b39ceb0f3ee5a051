// npm run fuzz: generated inputs, as many as asked for, on the executable. Prints what is wrong with the answers, and how to play it again.
//
//   npm run fuzz -- --inputs 100000 --seed 1
//   npm run fuzz -- --executable pkg --seed 7 --from 123 --inputs 1
import { parseArgs } from "node:util";
import { tellFailures } from "../../build/obstacle.ts";
import { commandFor, type Executable, executables, fuzz, lackOfSandbox } from "./lib/fuzz.ts";

tellFailures("fuzz");
const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "2000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    from: { type: "string", default: "0" },
    executable: { type: "string", default: "native" },
  },
});
const executable = executables.find((name) => name === values.executable) as Executable | undefined;
const lack = executable === undefined ? `there are the executables ${executables.join(" and ")}` : lackOfSandbox();
if (executable === undefined || lack !== undefined) {
  console.error(`fuzz: ${lack}`);
  process.exit(1);
}
const [count, seed, from] = [values.inputs, values.seed, values.from].map(Number) as [number, number, number];
const started = performance.now();
const { findings, outcomes } = await fuzz(executable, { seed, from, count }, ({ number, faults, input }) => {
  console.log(
    `input ${number}:\n${faults.map((fault) => `  ${fault}\n`).join("")}  ${input}\n  again: ${commandFor(executable, seed, number)}\n`,
  );
});
const seconds = ((performance.now() - started) / 1000).toFixed(0);
const kinds = [...outcomes].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${kind} ${count}`);
console.log(`calls by success or code: ${kinds.join(", ")}`);
console.log(`${executable}: ${count} inputs from seed ${seed}, ${findings.length} with faults, ${seconds} s`);
process.exit(findings.length > 0 ? 1 : 0);
