// Runs the bench's plan where the plugins run, in the virtual machine or natively: compiled by Bun into one executable,
// since the machine has no runtime. Plan on the first argument's file, times as JSON on standard output.

import { dlopen, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import type { Contender, Plan, Sample } from "./plan.ts";

const { symbols: c } = dlopen("libc.so.6", {
  posix_spawn: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  posix_spawn_file_actions_init: { args: ["ptr"], returns: "i32" },
  posix_spawn_file_actions_addopen: { args: ["ptr", "i32", "ptr", "i32", "u32"], returns: "i32" },
  wait4: { args: ["i32", "ptr", "i32", "ptr"], returns: "i32" },
});

const cstring = (text: string) => Buffer.from(`${text}\0`);
const kept: unknown[] = [];

/** A NULL-terminated array of C strings. */
function vector(words: readonly string[]): BigUint64Array {
  const strings = words.map(cstring);
  kept.push(strings);
  return BigUint64Array.from([...strings.map((string) => BigInt(ptr(string))), 0n]);
}

interface Command {
  readonly file: Buffer;
  readonly argv: BigUint64Array;
  readonly environment: BigUint64Array;
  readonly actions: Uint8Array;
}

function prepare(contender: Contender): Command {
  const actions = new Uint8Array(256);
  c.posix_spawn_file_actions_init(actions);
  const open = (fd: number, path: string, flags: number) => {
    const name = cstring(path);
    kept.push(name);
    c.posix_spawn_file_actions_addopen(actions, fd, name, flags, 0o600);
  };
  open(0, contender.stdin, 0);
  open(1, contender.stdout, 0o1101); // O_WRONLY | O_CREAT | O_TRUNC
  open(2, contender.stdout.replace(/$/, ".err"), 0o1101);
  return {
    file: cstring(contender.argv[0] as string),
    argv: vector(contender.argv),
    environment: vector(Object.entries(contender.environment).map(([name, value]) => `${name}=${value}`)),
    actions,
  };
}

/** One process from its start to its end: milliseconds and the peak of its memory in KiB. */
function run(command: Command): { ms: number; code: number; peak: number } {
  const pid = new Int32Array(1);
  const status = new Int32Array(1);
  const usage = new BigInt64Array(18);
  const started = Bun.nanoseconds();
  const failed = c.posix_spawn(pid, command.file, command.actions, null, command.argv, command.environment);
  if (failed !== 0) throw new Error(`posix_spawn ${command.file}: errno ${failed}`);
  c.wait4(pid[0] as number, status, 0, usage);
  const ms = (Bun.nanoseconds() - started) / 1e6;
  return { ms, code: (status[0] as number) >> 8, peak: Number(usage[4]) };
}

function shell(script: string | undefined): void {
  if (script === undefined) return;
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-ec", script]);
  if (exitCode !== 0) throw new Error(`${script}\n${stderr}`);
}

const plan: Plan = JSON.parse(readFileSync(process.argv[2] as string, "utf8"));
const samples: Sample[] = [];
for (const row of plan.rows) {
  shell(row.before);
  const commands = row.contenders.map((contender) => ({ contender, command: prepare(contender) }));
  for (let round = -row.warmUps; round < row.rounds; round++) {
    // Who comes first changes from round to round.
    const turn = round % 2 === 0 ? commands : commands.toReversed();
    for (const { contender, command } of turn) {
      shell(contender.before);
      const { ms, code, peak } = run(command);
      if (code !== 0) {
        const said = readFileSync(contender.stdout, "utf8") + readFileSync(`${contender.stdout}.err`, "utf8");
        throw new Error(`${row.name} by ${contender.name} failed with ${code}: ${said}`);
      }
      shell(contender.after);
      if (round >= 0) samples.push({ row: row.name, contender: contender.name, round, ms, peak });
    }
  }
  shell(row.after);
}
console.log(JSON.stringify(samples));
