// port-fuzz.ts FOLDER SEED ROUNDS: random arguments of random types for every function of the port, in an empty folder that
// is the current one. Prints how often each function was called; a fault of the host ends the process.
import { port } from "#system";
import { random } from "../../../differential/lib/random.ts";
import { check } from "./cases.ts";

const [, seed = "1", rounds = "1000"] = process.argv.slice(2);
const rng = random(Number(seed));

// Not exit, which ends the process; not start, which would end it at the end of the script; not setns, which is for all that follows.
const left = ["exit", "start", "setns"];
const functions = Object.entries(port).filter(
  (entry): entry is [string, (...args: unknown[]) => unknown] =>
    typeof entry[1] === "function" && !left.includes(entry[0]),
);

const bytes = (length: number, fill: () => number): Uint8Array => Uint8Array.from({ length }, fill);
/** Descriptors that are open stay so: 0 to 2 are the test's own. */
const number = (): number =>
  rng.pick([-1, 3, 4, 5, 7, 99, 0x7fffffff, -0x80000000, 2 ** 31, 2 ** 32, 2 ** 53, 1.5, -0.5, rng.below(300)]);
const path = (): Uint8Array =>
  bytes(1 + rng.below(9), () => 97 + rng.below(5)).map((byte, i, all) =>
    i === all.length - 1 ? rng.pick([0, byte]) : byte,
  );

const values: readonly (() => unknown)[] = [
  number,
  number,
  number,
  path,
  path,
  () => bytes(rng.below(70_000), () => 0),
  () => bytes(rng.below(600), () => rng.below(256)),
  () => new Uint8Array(0),
  () => new Uint8Array(100).subarray(rng.below(50), 50 + rng.below(50)),
  () => new Uint8Array(new ArrayBuffer(64, { maxByteLength: 128 })),
  () => detached(),
  () => new Uint16Array(8),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  () => "text\ud800",
  () => "x".repeat(rng.below(5000)),
  () => undefined,
  () => null,
  () => true,
  () => 12n,
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => Symbol("s"),
  () => ({ length: 5, valueOf: () => 5 }),
  () => [1, 2, 3],
  () => () => 0,
];

function detached(): Uint8Array {
  const array = new Uint8Array(16);
  array.buffer.transfer();
  return array;
}

let calls = 0;
const outcomes = new Map<string, Set<string>>();
const note = (name: string, outcome: string): void => {
  if (!outcomes.has(name)) outcomes.set(name, new Set());
  outcomes.get(name)?.add(outcome);
};

for (let round = 0; round < Number(rounds); round++) {
  const [name, call] = rng.pick(functions);
  const args = Array.from({ length: rng.below(8) }, () => rng.pick(values)());
  // What could wait for ever, does not: time limits are short.
  if (name === "poll") args[2] = rng.below(3);
  if (name === "run") args[5] = rng.below(20);
  if (name === "flock") args[1] = rng.pick([2 | 4, 8, "no"]);
  if (name === "read" || name === "recv" || name === "write") args[0] = rng.pick([-1, 3, 4, 5, 6, "no", undefined]);
  if (name === "recv") args[3] = 0x40;
  if (name === "close" || name === "lseek" || name === "ftruncate") args[0] = rng.pick([-1, 3, 4, 5, 6, {}]);
  try {
    const result = call(...args);
    note(name, typeof result === "number" ? (result < 0 ? "errno" : "number") : typeof result);
  } catch (error) {
    note(name, error instanceof Error ? error.constructor.name : "what is no Error");
  }
  calls++;
}

check("every round was played", () => calls, Number(rounds));
check(
  "every function was called, and refused what it cannot take",
  () => functions.map(([name]) => name).filter((name) => !outcomes.has(name)),
  [],
);
check(
  "an exception is a TypeError or a RangeError",
  () =>
    [...outcomes].flatMap(([name, set]) =>
      [...set]
        .filter((one) => /^[A-Z]/.test(one) && one !== "TypeError" && one !== "RangeError")
        .map((one) => `${name}: ${one}`),
    ),
  [],
);
