import { existsSync, readFileSync } from "node:fs";
import * as https from "node:https";
import { Refused } from "../claim-store.ts";
import type { Access } from "./api.ts";

/** Where Kubernetes puts what a pod may know (Kubernetes' documentation, "Accessing the Kubernetes API from a Pod"). */
const folder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** From a pod, by its ServiceAccount. @throws Refused where this process is in none */
export function accessFromPod(environment: Readonly<Record<string, string | undefined>>): Access {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (host === undefined || port === undefined || !existsSync(`${folder}/token`)) {
    throw new Refused(`this process is in no pod with a ServiceAccount: there is no ${folder}/token`);
  }
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    agent: new https.Agent({ keepAlive: true, ca: readFileSync(`${folder}/ca.crt`) }),
    authorization: async () => `Bearer ${readFileSync(`${folder}/token`, "utf8").trim()}`,
  };
}
