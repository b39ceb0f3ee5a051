// The official client, which is 1 MB: imported when there is a kubeconfig to read.
import * as http from "node:http";
import type * as https from "node:https";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { Refused } from "../claim-store.ts";
import { refuseReadable } from "../requests.ts";
import type { Access } from "./api.ts";

/** As kubectl does, with all that its configuration can name. */
export async function accessFromKubeconfig(file: string): Promise<Access> {
  refuseReadable(file);
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (error) {
    throw new Refused(`${file}: ${(error as Error).message}`);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Refused(`${file} has no current context with a cluster`);
  const options: https.RequestOptions & { headers?: Record<string, string> } = {};
  await config.applyToHTTPSOptions(options);
  const isPlain = cluster.server.startsWith("http:");
  const agent = isPlain ? new http.Agent({ keepAlive: true }) : (options.agent as https.Agent);
  const { auth, headers } = options;
  const basic = auth ? `Basic ${Buffer.from(auth).toString("base64")}` : undefined;
  return {
    server: cluster.server.replace(/\/$/, ""),
    agent,
    authorization: async () => headers?.Authorization ?? basic,
  };
}
