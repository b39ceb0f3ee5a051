// ipvlan-node: what the plugin needs of HTTP and TLS. One request on standard input, one answer on standard output.
import { readFileSync } from "node:fs";
import type { Answer, NodeRequest } from "../cluster/protocol.ts";
import { commit, version } from "../version.ts";
import { Refused, Unreachable } from "./claim-store.ts";
import { openEtcd } from "./etcd.ts";
import { exchange } from "./exchange.ts";
import { release } from "./release.ts";
import { status } from "./status.ts";

async function answer(request: NodeRequest): Promise<Answer<object>> {
  try {
    const store = openEtcd(request);
    switch (request.operation) {
      case "exchange":
        return await exchange(store, request);
      case "status":
        return await status(store, request);
      case "release":
        return await release(store, request);
    }
  } catch (error) {
    if (error instanceof Unreachable) return { failure: "unreachable", message: error.message };
    const isFile =
      (error as NodeJS.ErrnoException).syscall === "open" || (error as NodeJS.ErrnoException).syscall === "stat";
    if (error instanceof Refused || isFile) return { failure: "refused", message: (error as Error).message };
    throw error;
  }
}

if (process.argv.length > 2 || process.stdin.isTTY) {
  const what = "started by the plugin ipvlan, with a request on standard input";
  process.stdout.write(`ipvlan-node ${version} (${commit}): ${what}\n`);
} else {
  const request = JSON.parse(readFileSync(0, "utf8")) as NodeRequest;
  process.stdout.write(`${JSON.stringify(await answer(request))}\n`, () => process.exit(0));
}
