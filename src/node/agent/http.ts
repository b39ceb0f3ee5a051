import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { runPlugin } from "./plugin.ts";
import type { Settings } from "./settings.ts";

/** What the agent is doing, for whoever asks by HTTP. */
export interface Health {
  /** Why this node has not got what it should have; empty where all is well. */
  failures: readonly string[];
}

/** `/metrics` for Prometheus, `/healthz` for the kubelet. */
export async function serveHttp({ image }: Settings, listen: string, health: Health): Promise<Server> {
  const server = createServer(async ({ url }, response) => {
    if (url === "/healthz") {
      response.writeHead(health.failures.length === 0 ? 200 : 503, { "content-type": "text/plain" });
      response.end(`${health.failures.join("\n") || "ok"}\n`);
    } else if (url === "/metrics") {
      const { status, stdout, stderr } = await runPlugin(join(image, "ipvlan"), ["metrics"]);
      response.writeHead(status === 0 ? 200 : 500, { "content-type": "text/plain; version=0.0.4" });
      response.end(status === 0 ? stdout + ownMetrics(health) : `${stderr}\n`);
    } else {
      response.writeHead(404, { "content-type": "text/plain" });
      response.end("there are /metrics and /healthz\n");
    }
  });
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replace(/^\[|\]$/g, "") || undefined;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: Number(listen.slice(colon + 1)), host }, resolve);
  });
  return server;
}

function ownMetrics({ failures }: Health): string {
  return [
    "# HELP ipvlan_cni_agent_failures What the agent could not do for this node; /healthz says it in words.",
    "# TYPE ipvlan_cni_agent_failures gauge",
    `ipvlan_cni_agent_failures ${failures.length}`,
    "# HELP ipvlan_cni_agent_memory_bytes Memory of the agent that is resident.",
    "# TYPE ipvlan_cni_agent_memory_bytes gauge",
    `ipvlan_cni_agent_memory_bytes ${process.memoryUsage.rss()}`,
    "",
  ].join("\n");
}
