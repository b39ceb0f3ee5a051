/** The API server, as the scenarios ask it. */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { type ControlPlane, tokens } from "./control-plane.ts";

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly deletionTimestamp?: string;
  };
  // biome-ignore lint/suspicious/noExplicitAny: of all kinds
  readonly [field: string]: any;
}

export interface Api {
  get(path: string): Promise<KubernetesObject>;
  /** As it is written: logs. */
  text(path: string): Promise<string>;
  list(path: string): Promise<readonly KubernetesObject[]>;
  create(object: KubernetesObject): Promise<KubernetesObject>;
  /** Makes it, or makes it what is said here, as `kubectl apply --server-side` does. */
  apply(object: KubernetesObject): Promise<void>;
  /** Makes it where it is not there yet; what is there is left as it is. */
  ensure(object: KubernetesObject): Promise<void>;
  /** Changes the fields that are named (JSON Merge Patch). */
  change(path: string, fields: object): Promise<void>;
  /** Asks for the end of a pod as a drain does; does not wait for it. */
  evict(namespace: string, pod: string): Promise<void>;
  /** Does not wait until it is gone. */
  delete(path: string): Promise<void>;
  /** Tells each change of what a list holds, as it comes, until the signal. */
  watch(path: string, signal: AbortSignal, tell: (type: string, object: KubernetesObject) => void): Promise<void>;
}

const plurals: Record<string, string> = { Endpoints: "endpoints" };
const clusterWide = new Set(["Namespace", "Node", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"]);

/** Where an object is. */
export function pathOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const folder = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  const namespace = clusterWide.has(kind) ? "" : `/namespaces/${metadata.namespace ?? "default"}`;
  return `${folder}${namespace}/${plural}/${metadata.name}`;
}

export function connectApi({ server, caFile }: ControlPlane): Api {
  const ca = readFileSync(caFile);
  const authorization = `Bearer ${tokens.admin}`;
  const call = (method: string, path: string, body?: object, type = "application/json"): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { authorization, "content-type": type };
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
  const create = async (object: KubernetesObject): Promise<KubernetesObject> =>
    JSON.parse(await call("POST", pathOf(object).replace(/\/[^/]+$/, ""), object));
  const unless = (code: number) => (error: { code?: number }) => {
    if (error.code !== code) throw error;
  };
  return {
    get: async (path) => JSON.parse(await call("GET", path)),
    text: (path) => call("GET", path),
    list: async (path) => JSON.parse(await call("GET", path)).items,
    create,
    ensure: async (object) => void (await create(object).catch(unless(409))),
    apply: async (object) =>
      void (await call(
        "PATCH",
        `${pathOf(object)}?fieldManager=e2e&force=true`,
        object,
        "application/apply-patch+yaml",
      )),
    change: async (path, fields) => void (await call("PATCH", path, fields, "application/merge-patch+json")),
    async evict(namespace, name) {
      const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
      await call("POST", `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, eviction);
    },
    delete: async (path) => void (await call("DELETE", path).catch(unless(404))),
    watch: (path, signal, tell) => watch(`${server}${path}`, { ca, authorization, signal }, tell),
  };
}

interface WatchOptions {
  readonly ca: Buffer;
  readonly authorization: string;
  readonly signal: AbortSignal;
}

function watch(url: string, options: WatchOptions, tell: Parameters<Api["watch"]>[2]): Promise<void> {
  const { ca, authorization, signal } = options;
  const headers = { authorization };
  return new Promise((resolve, reject) => {
    const end = (error: Error) => (signal.aborted ? resolve() : reject(error));
    const asked = request(`${url}${url.includes("?") ? "&" : "?"}watch=true`, { ca, headers, signal }, (response) => {
      let rest = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        const lines = `${rest}${part}`.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const { type, object } = JSON.parse(line);
          tell(type, object);
        }
      });
      response.on("end", () => end(new Error(`the watch of ${url} ended`)));
      response.on("error", end);
    });
    asked.on("error", end);
    asked.end();
  });
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
