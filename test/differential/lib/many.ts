// Many generated histories, some at a time.
import { availableParallelism } from "node:os";
import { type Mode, play } from "./play.ts";

export interface Options {
  readonly mode: Mode;
  /** Of the first history; the others have the numbers after it. */
  readonly seed: number;
  readonly count: number;
  /** Commands in each. */
  readonly length: number;
  readonly reference: string;
}

export interface Failure {
  readonly seed: number;
  readonly message: string;
}

/** @returns the histories that went different ways */
export async function playMany({ count, seed, ...options }: Options): Promise<Failure[]> {
  const failures: Failure[] = [];
  let next = seed;
  const worker = async (): Promise<void> => {
    while (next < seed + count) {
      const own = next++;
      try {
        await play({ ...options, seed: own });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        failures.push({ seed: own, message: `${message}\nagain: ${commandFor(options.mode, own, options.length)}` });
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return failures;
}

/** The command that plays one history again. */
function commandFor(mode: Mode, seed: number, length: number): string {
  return `npm run differential -- --mode ${mode} --seed ${seed} --count 1 --length ${length}`;
}
