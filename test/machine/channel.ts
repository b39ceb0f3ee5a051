/** The host's side of the channel to the agent (guest/agent.sh, which describes the lines exchanged). */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { basename, dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { follow } from "./follow.ts";

/** What a script did. `code` is 128 and the signal's number if a signal ended it. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ScriptOptions {
  /** After this time the script and its process group are killed and the promise rejects; {@link defaultTimeout}. */
  timeoutMs?: number;
  /** Gets what the script prints while it runs, besides the outcome at its end. */
  onOutput?: (stream: "stdout" | "stderr", chunk: Buffer) => void;
}

/** Enough for many processes under emulation on a busy machine, in milliseconds. */
export const defaultTimeout = 60_000;

/** How long a running machine may take to answer a new client, in milliseconds. */
export const helloTimeout = 60_000;

/** How long a killed script may take to be gone, in milliseconds. After that the machine counts as hanging. */
const killGrace = 15_000;

export interface Channel {
  /** Waits for the agent to answer, and ends what former clients left running. */
  hello(timeoutMs: number): Promise<void>;
  /** Runs a script. Several can run at once. */
  run(script: string, options?: ScriptOptions): Promise<Outcome>;
  /** Closes the way to the agent; what is under way rejects. */
  close(): void;
}

/** What leads to the agent and back. */
export interface Wire {
  to: Writable;
  from: Readable;
}

/**
 * @param share The host's path of the folder shared with the agent.
 * @param explain Makes the error for a machine that failed; gets what was seen here.
 */
export function createChannel({ to, from }: Wire, share: string, explain: (seen: string) => Error): Channel {
  // Never used before, so that answers to a former client's requests cannot be taken for answers to ours.
  const nonce = randomBytes(8).toString("hex");
  const waiting = new Map<string, { resolve: (answer: string) => void; reject: (error: Error) => void }>();
  let count = 0;
  let failure: Error | undefined;
  let partial = "";

  from.setEncoding("latin1");
  from.on("data", (text: string) => {
    const lines = (partial + text).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) {
      const [verb, id, answer = ""] = line.split(" ");
      const key = `${verb} ${id}`;
      waiting.get(key)?.resolve(answer);
      waiting.delete(key);
    }
  });
  for (const stream of new Set([from, to])) {
    stream.on("error", (error) => fail(explain(`its channel broke (${error.message})`)));
    stream.on("close", () => fail(explain("its channel closed")));
  }

  function fail(error: Error): void {
    failure ??= error;
    for (const { reject } of waiting.values()) {
      reject(failure);
    }
    waiting.clear();
  }

  function answerTo(key: string): Promise<string> {
    return new Promise((resolve, reject) => (failure ? reject(failure) : waiting.set(key, { resolve, reject })));
  }

  async function hello(timeoutMs: number): Promise<void> {
    const answer = answerTo(`hello ${nonce}`);
    // The first newline ends what a former client may have left unfinished.
    to.write(`\nhello ${nonce}\n`);
    await within(timeoutMs, answer, () => explain(`it did not answer within ${(timeoutMs / 1000).toFixed(1)} s`));
  }

  async function run(script: string, options: ScriptOptions = {}): Promise<Outcome> {
    const { timeoutMs = defaultTimeout, onOutput } = options;
    const id = `${nonce}-${++count}`;
    const file = (kind: string) => join(share, `${id}.${kind}`);
    const printed = (kind: string) => (existsSync(file(kind)) ? readFileSync(file(kind), "utf8") : "");
    writeFileSync(file("sh"), script);
    const followers = onOutput
      ? [
          follow(file("out"), (chunk) => onOutput("stdout", chunk)),
          follow(file("err"), (chunk) => onOutput("stderr", chunk)),
        ]
      : [];
    try {
      const answer = answerTo(`done ${id}`);
      to.write(`${onOutput ? "stream" : "run"} ${id}\n`);
      const inTime = await within(timeoutMs, answer, () => undefined);
      if (inTime === undefined) {
        to.write(`kill ${id}\n`);
        await within(killGrace, answer, () => explain(`it hangs: a script of ${timeoutMs / 1000} s cannot be killed`));
        throw timeoutError(script, timeoutMs, printed("out"), printed("err"));
      }
      return { code: Number(inTime), stdout: printed("out"), stderr: printed("err") };
    } finally {
      for (const follower of followers) {
        follower.end();
      }
      for (const kind of ["sh", "out", "err"]) {
        rmSync(file(kind), { force: true });
      }
    }
  }

  function close(): void {
    fail(new Error("the test host was closed"));
    to.destroy();
    from.destroy();
  }

  return { hello, run, close };
}

/** Connects to a unix socket, also one whose path is longer than the kernel takes (107 bytes). */
export async function connect(socket: string): Promise<Wire> {
  const folder = openSync(dirname(socket), "r");
  const stream = createConnection(`/proc/self/fd/${folder}/${basename(socket)}`);
  try {
    await once(stream, "connect");
    return { to: stream, from: stream };
  } finally {
    closeSync(folder);
  }
}

function timeoutError(script: string, timeoutMs: number, stdout: string, stderr: string): Error {
  const text = `the script was killed after ${timeoutMs / 1000} s\n${describe(script, { stdout, stderr })}`;
  return Object.assign(new Error(text), { name: "TimeoutError", stdout, stderr });
}

/** A script and what it printed, for error messages. */
export function describe(script: string, { stdout, stderr }: { stdout: string; stderr: string }): string {
  const shown = (title: string, text: string) => (text.trim() === "" ? "" : `\n--- ${title}\n${text.trimEnd()}`);
  return `${shown("script", script)}${shown("stdout", stdout)}${shown("stderr", stderr)}`.trimStart();
}

/** The promise's value, or what `late` makes once the time is over: an Error is thrown, another value returned. */
async function within<T, L>(timeoutMs: number, promise: Promise<T>, late: () => L): Promise<T | Exclude<L, Error>> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<"time is up">((resolve) => {
    // Longer times do not fit the timer, and mean no limit.
    timer = timeoutMs < 2 ** 31 ? setTimeout(resolve, timeoutMs, "time is up") : undefined;
  });
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), timeUp]);
    if (first !== "time is up") {
      return first.value;
    }
    const made = late();
    if (made instanceof Error) {
      throw made;
    }
    return made as Exclude<L, Error>;
  } finally {
    clearTimeout(timer);
  }
}
