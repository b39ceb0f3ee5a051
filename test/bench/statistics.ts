import type { Sample } from "./plan.ts";

export interface Figures {
  readonly row: string;
  readonly contender: string;
  readonly runs: number;
  /** Milliseconds. */
  readonly median: number;
  readonly quartiles: readonly [number, number];
  /** MiB: the largest peak of a run. */
  readonly peak: number;
  /** To the reference, pair by pair; undefined for the reference itself, and where it has no such row. */
  readonly ratio: { readonly median: number; readonly interval: readonly [number, number] } | undefined;
}

const reference = "reference";

/** Figures of every row and contender, in the order in which they were measured first. */
export function summarise(samples: readonly Sample[]): Figures[] {
  const groups = Map.groupBy(samples, ({ row, contender }) => `${row}\n${contender}`);
  return [...groups.values()].map((group) => {
    const { row, contender } = group[0] as Sample;
    const times = sorted(group.map(({ ms }) => ms));
    const ratios = sorted(
      group.flatMap(({ round, ms }) => {
        const other = samples.find((one) => one.row === row && one.round === round && one.contender === reference);
        return other === undefined || contender === reference ? [] : [ms / other.ms];
      }),
    );
    return {
      row,
      contender,
      runs: group.length,
      median: quantile(times, 0.5),
      quartiles: [quantile(times, 0.25), quantile(times, 0.75)],
      peak: Math.max(...group.map(({ peak }) => peak)) / 1024,
      ratio: ratios.length === 0 ? undefined : { median: quantile(ratios, 0.5), interval: medianInterval(ratios) },
    };
  });
}

function sorted(values: number[]): number[] {
  return values.sort((a, b) => a - b);
}

export function quantile(ascending: readonly number[], part: number): number {
  const place = (ascending.length - 1) * part;
  const below = ascending[Math.floor(place)] as number;
  const above = ascending[Math.ceil(place)] as number;
  return below + (above - below) * (place - Math.floor(place));
}

/** The 95 % confidence interval of the median: order statistics of the binomial distribution, normal approximation. */
export function medianInterval(ascending: readonly number[]): [number, number] {
  const { length } = ascending;
  const reach = 0.98 * Math.sqrt(length);
  const low = Math.max(0, Math.floor(length / 2 - reach));
  const high = Math.min(length - 1, Math.ceil(length / 2 + reach));
  return [ascending[low] as number, ascending[high] as number];
}
