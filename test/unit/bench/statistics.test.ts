import t from "tap";
import { estimate, medianRanks, summarise } from "../../bench/statistics.ts";

t.test("a median's interval is the sign test's", (t) => {
  // Conover, Practical Nonparametric Statistics, table of the binomial distribution with p = 1/2; ranks from 0.
  const ranks = [
    [6, 0, 5],
    [10, 1, 8],
    [20, 5, 14],
    [30, 9, 20],
    [100, 39, 60],
  ] as const;
  for (const [size, low, high] of ranks) t.strictSame(medianRanks(size), [low, high], `${size} values`);
  for (const size of [1, 2, 5]) t.strictSame(medianRanks(size), [0, size - 1], "all of a sample that is too small");
  t.strictSame(estimate([5, 1, 3, 2, 4, 6]), { median: 3.5, interval: [1, 6] });
  t.end();
});

t.test("ratios are of one round each", (t) => {
  // The machine slows down: each is half of the other all the time, though the medians say otherwise for a part of them.
  const samples = [1, 10, 100].flatMap((speed, round) => [
    { row: "ADD", contender: "native", round, value: speed } as const,
    { row: "ADD", contender: "reference", round, value: speed * 2 } as const,
  ]);
  const [native, reference] = summarise([...samples, { row: "ADD", contender: "native", round: 3, value: 1000 }]);
  t.strictSame(native?.ratio, { median: 0.5, interval: [0.5, 0.5] }, "a round without the reference has no ratio");
  t.equal(reference?.ratio, undefined);
  t.strictSame([native?.runs, native?.median, reference?.median], [4, 55, 20]);
  t.end();
});
