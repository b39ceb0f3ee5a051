/**
 * Steps that take back what was made, run backwards when a later step fails.
 * A step that fails itself is reported and does not keep the others from running: the first error is the one that counts.
 */
export class Undo {
  readonly #steps: (() => void)[] = [];
  readonly #warn: (message: string) => void;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  push(step: () => void): void {
    this.#steps.push(step);
  }

  run(): void {
    for (const step of this.#steps.reverse()) {
      try {
        step();
      } catch (error) {
        this.#warn(`while taking back what was made: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
}
