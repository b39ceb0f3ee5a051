/** The API server, as the scenarios ask it. */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { type ControlPlane, tokens } from "./control-plane.ts";

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: of all kinds
  readonly [field: string]: any;
}

export interface Api {
  get(path: string): Promise<KubernetesObject>;
  /** As it is written: logs. */
  text(path: string): Promise<string>;
  list(path: string): Promise<readonly KubernetesObject[]>;
  create(object: KubernetesObject): Promise<KubernetesObject>;
  /** Does not wait until it is gone. */
  delete(path: string): Promise<void>;
}

const plurals: Record<string, string> = { Endpoints: "endpoints" };
const clusterWide = new Set(["Namespace", "Node", "ClusterRole", "ClusterRoleBinding"]);

/** Where an object is. */
export function pathOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const folder = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  const namespace = clusterWide.has(kind) ? "" : `/namespaces/${metadata.namespace ?? "default"}`;
  return `${folder}${namespace}/${plural}/${metadata.name}`;
}

export function connectApi({ server, caFile }: ControlPlane): Api {
  const ca = readFileSync(caFile);
  const call = (method: string, path: string, body?: object): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${tokens.admin}`, "content-type": "application/json" };
      const asked = request(`${server}${path}`, { method, ca, headers, timeout: 60_000 }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => (text += part));
        response.on("end", () => {
          const code = response.statusCode ?? 0;
          if (code < 300) resolve(text);
          else reject(Object.assign(new Error(`${method} ${path}: ${code} ${text.trim()}`), { code }));
        });
      });
      asked.on("timeout", () => asked.destroy(new Error(`${method} ${path}: no answer`)));
      asked.on("error", reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  return {
    get: async (path) => JSON.parse(await call("GET", path)),
    text: (path) => call("GET", path),
    list: async (path) => JSON.parse(await call("GET", path)).items,
    create: async (object) => JSON.parse(await call("POST", pathOf(object).replace(/\/[^/]+$/, ""), object)),
    async delete(path) {
      await call("DELETE", path).catch((error) => {
        if (error.code !== 404) throw error;
      });
    },
  };
}

/**
 * Asks again until there is an answer other than undefined.
 * @param what it is, for the error
 */
export async function until<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const why = last === undefined ? "" : `: ${last instanceof Error ? last.message : String(last)}`;
      throw new Error(`not within ${seconds} s: ${what}${why}`);
    }
    await sleep(500);
  }
}
