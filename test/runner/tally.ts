import type { Point } from "./tap-tree.ts";

export interface Skip {
  /** The test with the tests around it. */
  test: string;
  reason: string;
}

export interface Failure {
  test: string;
  diagnostics: unknown;
}

/**
 * What tests came to. A test is what has a name and no further tests in it: a `t.test`, or an assertion outside of any.
 * The assertions of a test are not counted, but one that is skipped is: nothing is left out in silence.
 */
export class Tally {
  passed = 0;
  readonly failures: Failure[] = [];
  readonly skips: Skip[] = [];

  get count(): number {
    return this.passed + this.failures.length + this.skips.length;
  }

  pass(): void {
    this.passed++;
  }

  fail(test: string, diagnostics?: unknown): void {
    this.failures.push({ test, diagnostics });
  }

  add(other: Tally): void {
    this.passed += other.passed;
    this.failures.push(...other.failures);
    this.skips.push(...other.skips);
  }

  /** Counts a file's points. */
  addPoints(points: Point[], path: string[]): void {
    for (const point of points) this.#addPoint(point, [...path, point.name]);
  }

  #addPoint({ ok, skipped, diagnostics, body = [] }: Point, path: string[]): void {
    const test = path.join(" > ");
    if (skipped !== undefined) {
      this.skips.push({ test, reason: skipped });
      return;
    }
    const tests = body.filter((point) => point.body !== undefined);
    const assertions = body.filter((point) => point.body === undefined);
    this.addPoints(tests, path);
    for (const { name, skipped } of assertions) {
      if (skipped !== undefined) this.skips.push({ test: `${test} > ${name}`, reason: skipped });
    }
    const failed = assertions.filter((point) => !point.ok && point.skipped === undefined);
    if (failed.length > 0) {
      this.fail(
        test,
        failed.map(({ name, diagnostics }) => ({ assertion: name, ...asObject(diagnostics) })),
      );
    } else if (!ok && tests.every((point) => point.ok)) {
      this.fail(test, diagnostics);
    } else if (tests.length === 0 && (body.length === 0 || assertions.some((point) => point.skipped === undefined))) {
      this.pass();
    }
  }
}

const asObject = (diagnostics: unknown): object =>
  typeof diagnostics === "object" && diagnostics !== null ? diagnostics : { diagnostics };
