import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** What a call of the plugin answered, and what it took. */
export interface Answer {
  /** Exit code, or the signal's number negated. */
  readonly status: number;
  /** Of processor time. */
  readonly seconds: number;
  /** Peak of memory. */
  readonly mebibytes: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Starts a program again and again, by a process that stays (caller.c). */
export class Caller {
  readonly #child: ChildProcess;
  readonly #input: Writable;
  readonly #output: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  /** @param timeLimit milliseconds, after which a call is ended by SIGKILL */
  constructor(caller: string, program: string, timeLimit: number) {
    this.#child = spawn(caller, [program, String(timeLimit)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#input = this.#child.stdin as Writable;
    this.#output = (this.#child.stdout as Readable)[Symbol.asyncIterator]();
  }

  async call(environment: Readonly<Record<string, string>>, stdin: Buffer): Promise<Answer> {
    const variables = Buffer.from(
      Object.entries(environment)
        .map(([name, value]) => `${name}=${value}\0`)
        .join(""),
    );
    this.#input.write(`${variables.length} ${stdin.length}\n`);
    this.#input.write(variables);
    this.#input.write(stdin);
    let end = this.#rest.indexOf("\n");
    while (end < 0) {
      await this.#more();
      end = this.#rest.indexOf("\n");
    }
    const numbers = this.#rest.subarray(0, end).toString().split(" ").map(Number);
    const [status, microseconds, kibibytes, out, err] = numbers as [number, number, number, number, number];
    while (this.#rest.length < end + 1 + out + err) await this.#more();
    const bytes = this.#rest.subarray(end + 1, end + 1 + out + err);
    this.#rest = this.#rest.subarray(end + 1 + out + err);
    return {
      status,
      seconds: microseconds / 1e6,
      mebibytes: kibibytes / 1024,
      stdout: bytes.subarray(0, out),
      stderr: bytes.subarray(out),
    };
  }

  end(): void {
    this.#input.end();
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#output.next();
    if (done === true) throw new Error("the caller has ended");
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
  }
}
