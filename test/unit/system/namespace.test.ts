import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { lackOfNamespaces, runCases, temporaryFolder } from "./lib/runtimes.ts";

t.test("namespace.ts keeps its promises", { skip: lackOfNamespaces() ?? false }, async (t) => {
  const file = join(temporaryFolder(t), "plain");
  writeFileSync(file, "");
  await runCases(t, "namespace-cases.ts", () => [file], { wrapper: ["unshare", "--net"] });
});
