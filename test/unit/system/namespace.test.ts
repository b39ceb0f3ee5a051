import { spawn } from "node:child_process";
import { readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { lackOfNamespaces, runCases, temporaryFolder } from "./lib/runtimes.ts";

t.test("namespace.ts keeps its promises", { skip: lackOfNamespaces() ?? false }, async (t) => {
  const file = join(temporaryFolder(t), "plain");
  writeFileSync(file, "");
  // Another namespace lives as long as the process in it.
  const neighbour = spawn("unshare", ["--net", "sleep", "60"], { stdio: "ignore" });
  t.teardown(() => neighbour.kill("SIGKILL"));
  const namespaceOf = (process: number | string | undefined) => readlinkSync(`/proc/${process}/ns/net`);
  while (namespaceOf(neighbour.pid) === namespaceOf("self")) await sleep(5);
  await runCases(t, "namespace-cases.ts", () => [file, String(neighbour.pid)], { wrapper: ["unshare", "--net"] });
});
