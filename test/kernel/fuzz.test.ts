// Generated inputs where ADD can succeed: what it says has to be true, and DEL takes all of it away.
import { readFileSync } from "node:fs";
import t from "tap";
import { root } from "../../build/paths.ts";
import { buildCaller, type Executable, type Finding, playerCommand, readLine } from "../fuzz/lib/fuzz.ts";
import { executable, quote } from "./lib/lab.ts";
import { openLab } from "./lib/open-lab.ts";

const lab = await openLab();
const seed = 1;
/** The one starts in a few milliseconds, the other in a third of a second. */
const count = executable === "native" ? 250 : 8;

t.test("whatever comes in, a success is true, a failure is told in one line, and DEL leaves nothing", async (t) => {
  // The machine does not see what is made on the host after its boot.
  const caller = readFileSync(await buildCaller()).toString("base64");
  const part = { seed, from: 0, to: count, step: 1 };
  const words = playerCommand({ caller: "/fuzz-caller", ip: "ip", slowness: 20 }, executable as Executable, part);
  const { code, stdout, stderr } = await lab.sh(
    `mkdir -p /tmp/lab
    base64 -d > /tmp/lab/caller <<'END'\n${caller}\nEND
    FUZZ_PROJECT=${quote(root)} FUZZ_CALLER=/tmp/lab/caller ${words.map(quote).join(" ")}`,
    { timeoutMs: 240_000 },
  );
  t.equal(code, 0, stderr.slice(-2000));
  const lines = stdout.trim().split("\n").map(readLine);
  const outcomes = lines.pop() as Readonly<Record<string, number>>;
  for (const { number, faults, input } of lines as Finding[]) t.fail(faults.join("; "), { number, input });
  t.ok((outcomes.success ?? 0) >= count / 2, JSON.stringify(outcomes));
});
