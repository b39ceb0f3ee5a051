// player.ts CALLER PROGRAM LIMITS SEED FROM TO STEP: plays the inputs FROM, FROM+STEP... below TO in the sandbox, and prints each fault as a line
// of JSON, and the number of calls at the end.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Answer, Caller } from "./caller.ts";
import { generate } from "./generate.ts";
import { command, type Input } from "./input.ts";
import { attempt, faultsOf, faultsTogether, type Limits, outputOf } from "./judge.ts";

const [callerPath = "", program = "", limitsText = "", ...numbers] = process.argv.slice(2);
const limits: Limits = JSON.parse(limitsText);
const [seed, from, to, step] = numbers.map(Number) as [number, number, number, number];
const caller = new Caller(callerPath, program, 60_000);
const container = readFileSync("/fuzz/container", "utf8").trim();

/** Folders that are ours, or that inputs give to the plugin. */
const own = /^\/(run\/ipvlan-cni|var\/lib\/cni\/networks|fuzz)(\/|$)/;
/** What is not of the sandbox's own memory. */
const bound = /^\/(proc|dev|usr|s?bin|lib\w*)$/;
const project = process.env.FUZZ_PROJECT ?? "";

/** All files and folders of the sandbox's memory. */
function* walk(folder = "/"): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (bound.test(path) || path === project) continue;
    yield path;
    if (entry.isDirectory()) yield* walk(path);
  }
}

/** The names of the links in a namespace, by a process in it. */
const linksOf = (pid: string): string[] =>
  [...readFileSync(`/proc/${pid}/net/dev`, "utf8").matchAll(/^ *([^:|]+): *\d/gm)].map(([, name]) => name as string);

const given = new Set(walk());
const linksAtFirst = [linksOf("self"), linksOf(container)].join();

const added = (): string[] => [...walk()].filter((path) => !given.has(path));

/** How many calls ended in which way: success, or the error's code. */
const outcomes = new Map<string, number>();

function clear(): void {
  for (const path of added()) rmSync(path, { recursive: true, force: true });
}

async function play(input: Input): Promise<string[]> {
  clear();
  for (const { path, text } of input.files) {
    // A file that cannot be is none.
    attempt(() => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    });
  }
  const faults: string[] = [];
  const answers: Answer[] = [];
  for (const call of input.calls) {
    const answer = await caller.call(call.environment, call.stdin);
    answers.push(answer);
    const kind = `${answer.status === 0 ? "success" : (attempt(() => outputOf(answer))?.code ?? "nonsense")}`;
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
    faults.push(...faultsOf(call, answer, limits).map((fault) => `${command(call)}: ${fault}`));
    if (command(call) === "ADD" && answer.status === 0) faults.push(...faultsOfAttachment(call.environment, answer));
  }
  faults.push(...faultsTogether(input.calls, answers));
  faults.push(
    ...added()
      .filter((path) => !own.test(path))
      .map((path) => `made ${path}`),
  );
  const last = input.calls.at(-1);
  if (last !== undefined && command(last) === "DEL" && answers.at(-1)?.status === 0) {
    const links = [linksOf("self"), linksOf(container)].join();
    if (links !== linksAtFirst) faults.push(`after DEL there are the links ${links}`);
  }
  return faults;
}

/** A success has to be true. */
function faultsOfAttachment({ CNI_IFNAME = "" }: Readonly<Record<string, string>>, answer: Answer): string[] {
  const faults: string[] = [];
  const { interfaces = [] } = outputOf(answer);
  const isTold = interfaces.length === 0 || interfaces.some(({ name }: { name: string }) => name === CNI_IFNAME);
  if (!isTold) faults.push(`the result has no interface ${CNI_IFNAME}`);
  const present = linksOf(container);
  if (!present.includes(CNI_IFNAME)) faults.push(`ADD succeeded, and the container has ${present}`);
  return faults;
}

/** In ASCII: readline takes more for the end of a line than a line feed. */
function tell(value: unknown): void {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  console.log(JSON.stringify(value).replace(/[^ -~]/g, escaped));
}

for (let number = from; number < to; number += step) {
  const input = generate(seed, number);
  const faults = await play(input);
  if (faults.length === 0) continue;
  const shown = input.calls.map(({ environment, stdin }) => ({ environment, stdin: stdin.toString().slice(0, 1500) }));
  tell({
    number,
    faults,
    files: input.files,
    calls: shown.slice(0, 1),
    commands: input.calls.map(command),
  });
}
tell({ outcomes: Object.fromEntries(outcomes) });
caller.end();
