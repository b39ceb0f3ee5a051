// ipvlan-node: what the plugin needs of HTTP and TLS.
//
//     ipvlan-node            one request on standard input, one answer on standard output
//     ipvlan-node agent      in a pod of a Kubernetes' node: answers requests at a socket of the host, see agent/
import { readFileSync } from "node:fs";
import type { NodeRequest } from "../cluster/protocol.ts";
// What Node itself would read of it is hidden from it, see build/hidden-environment.ts.
import { environment } from "../system/node-environment.ts";
import { commit, version } from "../version.ts";
import { answer } from "./answer.ts";
import { openStore } from "./open-store.ts";

// Not with the line that it came from: the program is one.
process.on("uncaughtException", ({ stack }) => {
  process.stderr.write(`ipvlan-node: ${stack}\n`);
  process.exit(1);
});

const [command, ...more] = process.argv.slice(2);

if (command === "agent" && more.length === 0) {
  const { runAgent } = await import("./agent/agent.ts");
  await runAgent(environment);
} else if (command !== undefined || process.stdin.isTTY) {
  const what = "started by the plugin ipvlan, with a request on standard input; ipvlan-node agent is for the DaemonSet";
  process.stdout.write(`ipvlan-node ${version} (${commit}): ${what}\n`);
} else {
  const request = JSON.parse(readFileSync(0, "utf8")) as NodeRequest;
  const text = JSON.stringify(await answer(request, () => openStore(request)));
  process.stdout.write(`${text}\n`, () => process.exit(0));
}
