import { beginUndo } from "../system/time-budget.ts";

export interface Undo {
  push(step: () => void): void;
  /** A step to be run after all those that are there already. */
  pushLast(step: () => void): void;
  run(): void;
}

/**
 * Steps that take back what was made, run backwards when a later step fails.
 * A step that fails itself is reported and does not keep the others from running: the first error is the one that counts.
 */
export function createUndo(warn: (message: string) => void): Undo {
  const steps: (() => void)[] = [];
  return {
    push: (step) => void steps.push(step),
    pushLast: (step) => void steps.unshift(step),
    run() {
      beginUndo();
      for (const step of steps.reverse()) {
        try {
          step();
        } catch (error) {
          warn(`while taking back what was made: ${error instanceof Error ? error.message : error}`);
        }
      }
    },
  };
}
