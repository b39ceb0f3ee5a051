// Carries out a series of the bench where the plugins run, in the test machine or on this one: compiled by Bun into one
// executable, since it has to run where no Node is, and to start and await processes without a shell or a timer of 10 ms.
// The series is a JSON file, named by the only argument; the samples go to standard output.

import { dlopen, ptr } from "bun:ffi";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import type { Command, Contender, Sample, Series, Step } from "./plan.ts";

const { symbols: c } = dlopen("libc.so.6", {
  posix_spawn: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  posix_spawn_file_actions_init: { args: ["ptr"], returns: "i32" },
  posix_spawn_file_actions_addopen: { args: ["ptr", "i32", "ptr", "i32", "u32"], returns: "i32" },
  wait4: { args: ["i32", "ptr", "i32", "ptr"], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  posix_fadvise: { args: ["i32", "i64", "i64", "i32"], returns: "i32" },
});

const O_RDONLY = 0;
const O_WRONLY_CREAT_APPEND = 0o2101;
const POSIX_FADV_DONTNEED = 4;

/** What the programs print, for when one of them fails. */
const output = `/tmp/bench.${process.pid}.out`;

/** Memory that C functions read later. */
const kept: unknown[] = [];

function cstring(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  kept.push(bytes);
  return bytes;
}

/** A NULL-terminated array of C strings. */
function vector(words: readonly string[]): BigUint64Array {
  const array = BigUint64Array.from([...words.map((word) => BigInt(ptr(cstring(word)))), 0n]);
  kept.push(array);
  return array;
}

/** A process that can be started without delay. */
interface Prepared {
  readonly file: Buffer;
  readonly argv: BigUint64Array;
  readonly environment: BigUint64Array;
  readonly actions: Uint8Array;
}

function prepare({ argv, environment = {}, stdin = "/dev/null" }: Command): Prepared {
  const actions = new Uint8Array(256); // posix_spawn_file_actions_t has 80 bytes
  c.posix_spawn_file_actions_init(actions);
  c.posix_spawn_file_actions_addopen(actions, 0, cstring(stdin), O_RDONLY, 0);
  for (const fd of [1, 2]) {
    c.posix_spawn_file_actions_addopen(actions, fd, cstring(output), O_WRONLY_CREAT_APPEND, 0o600);
  }
  return {
    file: cstring(argv[0] as string),
    argv: vector(argv),
    environment: vector(Object.entries(environment).map(([name, value]) => `${name}=${value}`)),
    actions,
  };
}

const pid = new Int32Array(1);
const status = new Int32Array(1);
/** struct rusage: two struct timeval, then longs, the first of them ru_maxrss in KiB. */
const usage = new Uint8Array(144);

function start({ file, argv, environment, actions }: Prepared): void {
  const failed = c.posix_spawn(pid, file, actions, null, argv, environment);
  if (failed !== 0) throw new Error(`posix_spawn ${file}: errno ${failed}`);
}

/** Waits for the end of one process, whichever ends first. @returns whether it succeeded */
function awaitOne(): boolean {
  if (c.wait4(-1, status, 0, usage) < 0) throw new Error("wait4 failed");
  return status[0] === 0;
}

/** Runs all of them, so many at once. @returns milliseconds */
function run(all: readonly Prepared[], atOnce: number): { value: number; failed: number } {
  let failed = 0;
  let running = 0;
  const started = Bun.nanoseconds();
  for (const one of all) {
    if (running === atOnce) {
      if (!awaitOne()) failed++;
      running--;
    }
    start(one);
    running++;
  }
  for (; running > 0; running--) if (!awaitOne()) failed++;
  return { value: (Bun.nanoseconds() - started) / 1e6, failed };
}

function forget(file: string): void {
  const fd = openSync(file, "r");
  c.posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  closeSync(fd);
}

/**
 * The command by way of a small shell that leaves it behind: what wait4(2) tells of a process begins with the memory of the one
 * that it was forked from, and this program is larger than what it measures.
 */
function fromShell({ argv, environment = {}, stdin = "/dev/null" }: Command, shell: string): Command {
  return { argv: [shell, "sh", "-c", '"$@" < "$0" &', stdin, ...argv], environment, stdin };
}

/** Runs the command and takes over what the shell leaves. @returns MiB, the peak of the largest process */
function peakOf(shell: Prepared): { peak: number; failed: number } {
  start(shell);
  let failed = awaitOne() ? 0 : 1;
  if (!awaitOne()) failed++;
  const [, , , , maxrss] = new BigInt64Array(usage.buffer);
  return { peak: Number(maxrss) / 1024, failed };
}

interface PreparedStep extends Step {
  readonly prepared: readonly Prepared[];
}

function prepareStep(step: Step): PreparedStep {
  const { commands, peakBy } = step;
  return {
    ...step,
    prepared: commands.map((command) => prepare(peakBy === undefined ? command : fromShell(command, peakBy))),
  };
}

function take({ prepared, atOnce = 1, forget: files = [], peakBy }: PreparedStep): { value: number; failed: number } {
  for (const file of files) forget(file);
  if (peakBy === undefined) return run(prepared, atOnce);
  const { peak, failed } = peakOf(prepared[0] as Prepared);
  return { value: peak, failed };
}

/** Numbers that look random, the same in every run (mulberry32). */
function* shuffler(): Generator<number, never> {
  for (let state = 0x5eed; ; ) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** Fisher and Yates'. */
function shuffle<T>(list: T[], random: Generator<number, never>): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random.next().value * (i + 1));
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}

function carryOut({ rounds, warmUps, contenders }: Series): Sample[] {
  const samples: Sample[] = [];
  const random = shuffler();
  const prepared = contenders.map(({ name, steps }: Contender) => ({ name, steps: steps.map(prepareStep) }));
  for (let round = -warmUps; round < rounds; round++) {
    for (const { name, steps } of shuffle([...prepared], random)) {
      for (const step of steps) {
        const { value, failed } = take(step);
        if (failed > 0) {
          throw new Error(`${failed} of ${name}'s processes failed: ${readFileSync(output, "utf8").slice(-2000)}`);
        }
        if (step.row !== undefined && round >= 0) samples.push({ row: step.row, contender: name, round, value });
      }
    }
  }
  return samples;
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: timer FILE");
closeSync(openSync(output, "w"));
const PR_SET_CHILD_SUBREAPER = 36;
c.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
try {
  console.log(JSON.stringify(carryOut(JSON.parse(readFileSync(file, "utf8")))));
} finally {
  rmSync(output);
}
