// Generated inputs on both executables. `npm run fuzz` plays more of them.
import t from "tap";
import { commandFor, fuzz, lackOfSandbox } from "./lib/fuzz.ts";

t.setTimeout(120_000);

for (const [executable, count] of [
  ["native", 1500],
  ["pkg", 60],
] as const) {
  t.test(
    `${executable}: whatever comes in, the answer is one bounded JSON value that agrees with the exit code, and nothing else is touched`,
    { skip: lackOfSandbox() ?? false },
    async (t) => {
      const seed = 1;
      const { findings } = await fuzz(executable, { seed, from: 0, count });
      for (const { number, faults } of findings) {
        t.fail(faults.join("; "), { again: commandFor(executable, seed, number) });
      }
      t.pass(`${count} inputs`);
    },
  );
}
