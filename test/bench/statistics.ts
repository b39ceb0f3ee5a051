import type { ContenderName, Sample } from "./plan.ts";

/** A value with its 95 % confidence interval. */
export interface Estimate {
  readonly median: number;
  readonly interval: readonly [number, number];
}

export interface Figures {
  readonly row: string;
  readonly contender: ContenderName;
  readonly runs: number;
  /** Milliseconds, or MiB in rows of memory. */
  readonly median: number;
  readonly quartiles: readonly [number, number];
  /** To the reference (or to `none`), round by round; undefined for the reference itself, and where it has no such row. */
  readonly ratio: Estimate | undefined;
  /** To iproute2 making the same calls, round by round. */
  readonly toFloor: Estimate | undefined;
  /** What it takes beyond the empty program, round by round. */
  readonly beyond: Estimate | undefined;
  /** As measured, by round. */
  readonly values: readonly number[];
}

/** Figures of every row and contender, in the order in which they were measured first. */
export function summarise(samples: readonly Sample[]): Figures[] {
  const rows = Map.groupBy(samples, ({ row }) => row);
  return [...rows].flatMap(([row, ofRow]) => {
    const contenders = Map.groupBy(ofRow, ({ contender }) => contender);
    return [...contenders].map(([contender, own]): Figures => {
      const values = own.map(({ value }) => value);
      const ascending = sorted(values);
      return {
        row,
        contender,
        runs: own.length,
        median: quantile(ascending, 0.5),
        quartiles: [quantile(ascending, 0.25), quantile(ascending, 0.75)],
        ratio: compare(own, contenders.get("reference") ?? contenders.get("none"), (one, other) => one / other),
        toFloor: compare(own, contenders.get("floor"), (one, other) => one / other),
        beyond: compare(own, contenders.get("empty"), (one, other) => one - other),
        values,
      };
    });
  });
}

/** Each sample with the other's of the same round: the machine's speed drifts, and both felt the same of it. */
function compare(
  own: readonly Sample[],
  others: readonly Sample[] | undefined,
  by: (one: number, other: number) => number,
): Estimate | undefined {
  if (others === undefined || others === own) return undefined;
  const byRound = new Map(others.map(({ round, value }) => [round, value]));
  const pairs = own.flatMap(({ round, value }) => {
    const other = byRound.get(round);
    return other === undefined ? [] : [by(value, other)];
  });
  return pairs.length === 0 ? undefined : estimate(pairs);
}

export function estimate(values: readonly number[]): Estimate {
  const ascending = sorted(values);
  const [low, high] = medianRanks(ascending.length);
  return {
    median: quantile(ascending, 0.5),
    interval: [ascending[low] as number, ascending[high] as number],
  };
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** @param part 0 to 1; between two values, in proportion */
export function quantile(ascending: readonly number[], part: number): number {
  const place = (ascending.length - 1) * part;
  const below = ascending[Math.floor(place)] as number;
  const above = ascending[Math.ceil(place)] as number;
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * The ranks, from 0, of the two values of a sorted sample between which the median of what it was drawn from lies with at
 * least 95 % confidence, whatever its distribution: each value is above that median as often as a coin shows heads (the sign
 * test's interval). The first and the last where the sample is smaller than six, with less confidence.
 */
export function medianRanks(size: number): [number, number] {
  let probability = 2 ** -size; // of no heads at all
  let below = probability;
  let rank = 0;
  while (below <= 0.025) {
    rank++;
    probability *= (size - rank + 1) / rank;
    below += probability;
  }
  return [Math.max(rank - 1, 0), Math.min(size - rank, size - 1)];
}
