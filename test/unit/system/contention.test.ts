// Several processes at once, of both runtimes: what must not go wrong when the kubelet starts many pods.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { replaceFile } from "../../../src/system/files.ts";
import { commandOf, type Runtime, runtimes, temporaryFolder } from "./lib/runtimes.ts";

const CONTENDERS = 3;

function contender(t: Test, task: string, folder: string, id: number, rounds: number, env: NodeJS.ProcessEnv = {}) {
  const runtime = runtimes[id % runtimes.length] as Runtime;
  const [program, ...args] = commandOf(runtime, "contender.ts", [task, folder, String(id), String(rounds)]);
  const child = spawn(program as string, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  t.teardown(() => child.kill("SIGKILL"));
  return child;
}

/** Lets all contenders begin at one moment. @returns what each one's rounds returned */
async function contend(t: Test, task: string, folder: string, rounds: number, env?: NodeJS.ProcessEnv) {
  mkdirSync(join(folder, "files"));
  const children = Array.from({ length: CONTENDERS }, (_, id) => contender(t, task, folder, id, rounds, env));
  const outputs = children.map(async (child) => JSON.parse(await text(child.stdout)) as unknown[]);
  await begin(folder, CONTENDERS);
  return Promise.all(outputs);
}

async function begin(folder: string, count: number): Promise<void> {
  while (readdirSync(folder).filter((name) => name.startsWith("ready-")).length < count) await sleep(5);
  replaceFile(join(folder, "go"), String(Date.now() + 10));
}

for (const [how, env] of [
  ["", {}],
  [" without O_TMPFILE", { NO_O_TMPFILE: "1" }],
] as const) {
  t.test(`createWhole${how}: of several creators exactly one wins, with its whole text`, async (t) => {
    const folder = temporaryFolder(t, true);
    const rounds = 60;
    const wins = await contend(t, "create", folder, rounds, env);
    t.same(
      wins.flat().sort((a, b) => Number(a) - Number(b)),
      Array.from({ length: rounds }, (_, i) => i),
      "every name was won once",
    );
    t.ok(wins.filter((won) => won.length > 0).length > 1, "more than one contender won names: they did contend");
    const wrong = wins.flatMap((won, id) =>
      won.filter((name) => contents(folder, `${name}`) !== `${id} ${name}\n`.repeat(200)),
    );
    t.same(wrong, [], "every file has its winner's whole text");
    t.same(
      readdirSync(join(folder, "files")).filter((name) => !/^\d+$/.test(name)),
      [],
      "no temporary file is left",
    );
  });
}

t.test("createFirst: several that want any of the same names get different ones", async (t) => {
  const folder = temporaryFolder(t, true);
  const rounds = 20;
  const names = await contend(t, "first", folder, rounds);
  t.equal(new Set(names.flat()).size, CONTENDERS * rounds, "no name was given twice");
  const wrong = names.flatMap((own, id) =>
    own.filter((name) => contents(folder, `${name}`) !== `${id} any\n`.repeat(200)),
  );
  t.same(wrong, [], "every file has its owner's whole text");
});

function contents(folder: string, name: string): string {
  return readFileSync(join(folder, "files", name), "utf8");
}

t.test("withLock: a number that several processes count up under the lock loses no step", async (t) => {
  const folder = temporaryFolder(t, true);
  const rounds = 60;
  writeFileSync(join(folder, "count"), "0");
  await contend(t, "count", folder, rounds);
  t.equal(readFileSync(join(folder, "count"), "utf8"), String(CONTENDERS * rounds));
});

t.test("replaceFile: readers see one writer's whole text, never a mixture or a part", async (t) => {
  const folder = temporaryFolder(t, true);
  const torn = await contend(t, "replace", folder, 40);
  t.same(torn.flat(), []);
  t.same(
    readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    [],
    "no temporary file is left",
  );
});

for (const holder of runtimes.keys()) {
  const { name } = runtimes[holder] as Runtime;
  t.test(`withLock under ${name}: others wait, and SIGKILL releases it`, async (t) => {
    const folder = temporaryFolder(t, true);
    writeFileSync(join(folder, "go"), "");
    const first = contender(t, "hold", folder, holder, 1);
    t.equal(await firstOutput(first), "held\n");
    const second = contender(t, "take", folder, holder + 1, 1);
    const taken = firstOutput(second);
    while (!existsSync(join(folder, `ready-${holder + 1}`))) await sleep(5);
    t.equal(await Promise.race([taken, sleep(100, "waits")]), "waits", "while it is held");
    first.kill("SIGKILL");
    t.equal(await taken, "taken\n", "after the holder is killed");
  });
}

for (const holder of runtimes.keys()) {
  const { name } = runtimes[holder] as Runtime;
  t.test(
    `withLock under ${name}: a process that is stopped is waited for as long as the call has time, and named`,
    async (t) => {
      const folder = temporaryFolder(t, true);
      writeFileSync(join(folder, "go"), "");
      const stopped = contender(t, "hold", folder, holder, 1);
      t.equal(await firstOutput(stopped), "held\n");
      stopped.kill("SIGSTOP");
      const began = performance.now();
      const said = await firstOutput(contender(t, "hurry", folder, holder + 1, 1));
      t.match(
        said,
        new RegExp(
          `^11 waited 0 s for the lock ${folder}/lock, held by process ${stopped.pid} \\(.+, stopped\\): ` +
            `let it go on, or end it \\(kill ${stopped.pid}\\), and try again\n`,
        ),
      );
      t.ok(performance.now() - began > 250, "not before");
      stopped.kill("SIGKILL");
      t.equal(await firstOutput(contender(t, "hurry", folder, holder + 1, 1)), "taken\n");
    },
  );
}

async function firstOutput(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout as NodeJS.ReadableStream & NodeJS.EventEmitter, "data")) as [Buffer];
  return chunk.toString();
}
