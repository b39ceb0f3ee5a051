// Generated histories of a host-local network, played by this plugin's allocator and by the reference: same answers,
// same files. `npm run differential` plays more of them.
import t from "tap";
import { playMany } from "./lib/many.ts";
import { findReference } from "./lib/reference.ts";

t.setTimeout(240_000);
const reference = await findReference();

for (const [mode, promise, count] of [
  ["separate", "each in its own folder: same answers, same files", 90],
  ["shared", "both by turns in one folder: as if the reference had done it all", 60],
] as const) {
  t.test(promise, async (t) => {
    const failures = await playMany({ mode, seed: 1, count, length: 12, reference });
    for (const { message } of failures) t.fail(message);
    t.pass(`${count} histories`);
  });
}
