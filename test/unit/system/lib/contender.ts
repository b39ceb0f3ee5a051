// contender.ts TASK FOLDER ID ROUNDS: one of several processes that do the same thing at the same time.
import { existsSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { port } from "#system";
import type { PluginError } from "../../../../src/errors.ts";
import { Errno } from "../../../../src/system/errno.ts";
import { createFirst, createWhole, readText, replaceFile } from "../../../../src/system/files.ts";
import { withLock } from "../../../../src/system/lock.ts";
import { beginCall } from "../../../../src/system/time-budget.ts";

const [task = "", folder, id = "", rounds] = process.argv.slice(2);

function sleep(milliseconds: number): void {
  if (milliseconds > 0) port.poll(new Uint8Array(0), 0, milliseconds);
}

/** What contender `id` writes: more than one write(2) of a slow disk would take. */
const textOf = (name: string): string => `${id} ${name}\n`.repeat(200);

const tasks: Record<string, (round: number) => unknown> = {
  /** Every contender tries for the same names. */
  create: (round) => (createWhole(`${folder}/files`, `${round}`, textOf(`${round}`)) ? round : []),
  /** Every contender wants one of the same names. */
  first: () => createFirst(`${folder}/files`, names, textOf("any")),
  /** Reads and writes a number that two at once would spoil. */
  count: () =>
    withLock(`${folder}/lock`, () => {
      const file = `${folder}/count`;
      writeFileSync(file, String(Number(readFileSync(file, "utf8")) + 1));
    }),
  /** Replaces a file under a lock while others read it. */
  replace: (round) => {
    withLock(`${folder}/lock`, () => replaceFile(`${folder}/replaced`, textOf(`${round}`)));
    const lines = new Set((readText(`${folder}/replaced`) ?? "").split("\n"));
    // One text, and the empty string behind its last line.
    return lines.size === 2 ? [] : [...lines];
  },
  /** Holds the lock until it is killed. */
  hold: () =>
    withLock(`${folder}/lock`, () => {
      writeSync(1, "held\n");
      sleep(60_000);
    }),
  /** Has a quarter of a second's time to get the lock. */
  hurry: () => {
    beginCall(250);
    try {
      withLock(`${folder}/lock`, () => writeSync(1, "taken\n"));
    } catch (error) {
      const { code, message } = error as PluginError;
      writeSync(1, `${code} ${message}\n`);
    }
  },
  take: () => withLock(`${folder}/lock`, () => writeSync(1, "taken\n")),
};

const names = Array.from({ length: 100 }, (_, i) => `${i}`);

if (process.env.NO_O_TMPFILE) {
  const real = port.open;
  (port as { open: typeof port.open }).open = (path, flags, mode) =>
    flags & 0o20000000 ? -Errno.EOPNOTSUPP : real(path, flags, mode);
}

writeFileSync(`${folder}/ready-${id}`, "");
while (!existsSync(`${folder}/go`)) sleep(1);
// A round every two milliseconds, at the same time in every contender, so that no one of them is through before the next
// has a processor.
const start = Number(readText(`${folder}/go`));
const outcomes: unknown[] = [];
for (let round = 0; round < Number(rounds); round++) {
  sleep(start + round * 2 - Date.now());
  outcomes.push(tasks[task]?.(round));
}
if (!["hold", "hurry", "take"].includes(task)) writeSync(1, JSON.stringify(outcomes.flat()));
