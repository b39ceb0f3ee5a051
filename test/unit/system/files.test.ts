import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { runCases, temporaryFolder } from "./lib/runtimes.ts";

t.test("files.ts keeps its promises", async (t) => {
  const folder = temporaryFolder(t);
  // 5,000 names of 6 to 250 bytes, some not ASCII: more than one getdents64(2) answers. Links are made faster than files.
  const crowded = join(folder, "crowded");
  mkdirSync(crowded);
  const nameOf = (i: number): string => join(crowded, `${i}-${(i % 7 === 0 ? "é" : "name").repeat((i % 60) + 1)}`);
  writeFileSync(nameOf(0), "");
  for (let i = 1; i < 5000; i++) linkSync(nameOf(0), nameOf(i));
  await runCases(t, "file-cases.ts", ({ name }) => {
    const work = join(folder, name);
    mkdirSync(work);
    return [work, crowded];
  });
});
