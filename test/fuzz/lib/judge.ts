// What must be true of every answer, whatever came in.
import type { Answer } from "./caller.ts";
import { type Call, command } from "./input.ts";

export interface Limits {
  /** Of processor time: for what people and runtimes write, and for what is a megabyte and more. */
  readonly seconds: number;
  readonly secondsForLarge: number;
  readonly mebibytes: number;
}

/** Bytes of standard input from which on a call may take longer. */
const large = 2 ** 20;

// biome-ignore lint/suspicious/noExplicitAny: anything may come out
export type Output = any;

/** The one JSON value on standard output; undefined where there is none. Throws what is wrong with it. */
export function outputOf({ stdout }: Answer): Output {
  const text = stdout.toString();
  if (text === "") return undefined;
  if (!Buffer.from(text).equals(stdout)) throw new Error("standard output is no UTF-8");
  if (!text.endsWith("}\n"))
    throw new Error(`standard output does not end with an object and a line feed: ${text.slice(-50)}`);
  return JSON.parse(text);
}

/** The faults of an answer, each a sentence; none is what it should be. */
export function faultsOf(call: Call, answer: Answer, limits: Limits): string[] {
  const faults: string[] = [];
  const { status, stdout, stderr, seconds, mebibytes } = answer;
  if (status < 0) return [`was ended by signal ${-status}`];
  if (status !== 0 && status !== 1) faults.push(`exit code ${status}`);
  const most = call.stdin.length < large ? limits.seconds : limits.secondsForLarge;
  if (seconds > most) faults.push(`took ${seconds} s`);
  if (mebibytes > limits.mebibytes) faults.push(`took ${mebibytes} MiB`);
  let output: Output;
  try {
    output = outputOf(answer);
  } catch (error) {
    return [...faults, `not one JSON value: ${error}`];
  }
  if (status === 0) faults.push(...faultsOfSuccess(command(call), output));
  else faults.push(...faultsOfError(output));
  if (status !== 0 && stdout.length > 10_000) faults.push(`an error of ${stdout.length} bytes`);
  for (const line of stderr.toString().split("\n").slice(0, -1)) {
    if (!/^ipvlan: warning: ./.test(line) || !isOneLine(line, 2100))
      faults.push(`standard error: ${JSON.stringify(line.slice(0, 200))}`);
  }
  return faults;
}

function faultsOfSuccess(command: string, output: Output): string[] {
  if (command === "ADD") {
    if (typeof output?.cniVersion === "string" && !("code" in output)) return [];
    return ["success without a result"];
  }
  if (command === "VERSION") return Array.isArray(output?.supportedVersions) ? [] : ["VERSION without versions"];
  return output === undefined ? [] : [`${command} succeeds with an output`];
}

function faultsOfError(output: Output): string[] {
  if (output === undefined) return ["a failure without an error"];
  const { cniVersion, code, msg, details = "", ...rest } = output;
  const faults: string[] = [];
  if (typeof cniVersion !== "string" || !isOneLine(cniVersion, 32))
    faults.push(`cniVersion ${JSON.stringify(cniVersion)}`);
  if (!Number.isSafeInteger(code) || code < 1) faults.push(`code ${JSON.stringify(code)}`);
  if (code === 199) faults.push(`199: ${String(msg).slice(0, 300)} ${String(details).slice(0, 600)}`);
  if (typeof msg !== "string" || msg === "" || !isOneLine(msg, 2048))
    faults.push(`msg ${JSON.stringify(msg)?.slice(0, 300)}`);
  if (typeof details !== "string" || !isOneLine(details, 2048))
    faults.push(`details ${JSON.stringify(details)?.slice(0, 300)}`);
  for (const key of Object.keys(rest)) faults.push(`an error has a key ${key}`);
  return faults;
}

/** One line for a log: nothing that breaks it, steers a terminal or turns the text around. */
function isOneLine(text: string, most: number): boolean {
  return !/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text) && Buffer.byteLength(text) <= most;
}

/** Whether a link can have this name, and then has it: by the kernel's rules, read there and not in the plugin. */
export function isLinkName(name: string): boolean {
  const bytes = Buffer.from(name);
  if (bytes.length === 0 || bytes.length > 15 || [".", "..", "all", "default"].includes(name)) return false;
  return !bytes.some(
    (byte) => byte <= 0x20 || byte === 0x7f || byte === 0xa0 || "/:%".includes(String.fromCharCode(byte)),
  );
}

/** The codes with which DEL may refuse: what the runtime can see itself, and an IPAM plugin that is not there. */
const refusalsOfDel = [4, 6, 7, 106];

/** What holds for the calls of one input together. */
export function faultsTogether(calls: readonly Call[], answers: readonly Answer[]): string[] {
  const faults: string[] = [];
  for (const [index, call] of calls.entries()) {
    const answer = answers[index] as Answer;
    const output = attempt(() => outputOf(answer));
    if (command(call) === "DEL" && answer.status !== 0 && !refusalsOfDel.includes(output?.code)) {
      faults.push(`DEL fails, and will for ever: ${output?.code} ${output?.msg}`);
    }
    const { CNI_IFNAME = "" } = call.environment;
    if (command(call) !== "ADD" || CNI_IFNAME === "") continue;
    if (!isLinkName(CNI_IFNAME) && output?.code !== 4) {
      faults.push(
        `no link can be named ${JSON.stringify(CNI_IFNAME)}, and ADD says ${answer.stdout.toString().slice(0, 300)}`,
      );
    }
  }
  return faults;
}

/** undefined where it throws */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
