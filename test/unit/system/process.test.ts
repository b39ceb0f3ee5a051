import { mkdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { runCases, temporaryFolder } from "./lib/runtimes.ts";

t.test("the port's process keeps its promises", async (t) => {
  const folder = temporaryFolder(t);
  process.env.IPVLAN_TEST = "yes";
  const args = ({ name }: { name: string }): string[] => {
    const work = join(folder, name);
    mkdirSync(work);
    return [work, "two words"];
  };
  await runCases(t, "process-cases.ts", args, { status: 7 });
});
