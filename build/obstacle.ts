/** What a machine lacks or refuses: no mistake of a program, so it is said in one sentence, without a stack. */
export class Obstacle extends Error {
  override name = "Obstacle";
}

/** What to tell of a failure. */
export function describeFailure(error: unknown): string {
  if (error instanceof Obstacle) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** For the programs of a developer: what they cannot catch is told so, and the exit code is 1. */
export function tellFailures(program: string): void {
  process.on("uncaughtException", (error) => {
    process.stderr.write(`${program}: ${describeFailure(error)}\n`);
    process.exit(1);
  });
}
