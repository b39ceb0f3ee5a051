// Kubernetes' API as far as claims need it: objects of one resource with uids, names that one creator alone gets, removal on condition of
// the uid, lists by labels in pages, Nodes. No watch, no validation of what the CRD forbids: npm run e2e:kubernetes has the real one.
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type ClaimObject, nameOf, objectOf, resource } from "../../../src/node/kubernetes/claim-object.ts";

type Stored = ClaimObject & { metadata: { uid: string } };

export interface StandIn {
  readonly kubeconfig: string;
  /** Every claim, in the order of their names. */
  claims(): readonly { key: string; value: string; used: number | undefined; owners: readonly object[] }[];
  put(key: string, value: string): void;
  remove(key: string): void;
  /** Nobody gets an answer until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Decides what becomes of a request: undefined, it is answered; or its connection is cut, before or after it was carried out. */
  cut: ((request: string) => "before" | "after" | undefined) | undefined;
  stop(): Promise<void>;
}

/** @param port default: any that is free */
export async function startStandIn(kubeconfig: string, port = 0): Promise<StandIn> {
  const objects = new Map<string, Stored>();
  /** Other objects, by the path that they have: put there and taken away by tests alone. */
  const others = new Map<string, object>();
  const waiting: (() => void)[] = [];
  const sockets = new Set<Socket>();
  let isPaused = false;

  const server = createServer((request, response) => {
    // A caller that has gone is told nothing.
    const go = () => void handle(request, response).catch(() => request.socket.destroy());
    isPaused ? waiting.push(go) : go();
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += part;
    const url = new URL(request.url ?? "/", "http://api");
    const fate = standIn.cut?.(`${request.method} ${url.pathname}`);
    if (fate === "before") return void request.socket.destroy();
    const [status, body] = answer(request.method ?? "GET", url, text === "" ? {} : JSON.parse(text));
    if (fate === "after") return void request.socket.destroy();
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  }

  function answer(method: string, { pathname, searchParams }: URL, body: Record<string, unknown>): [number, object] {
    if (method === "PUT") {
      others.set(pathname, body);
      return [200, body];
    }
    const other = others.get(pathname);
    if (other !== undefined && method === "DELETE") others.delete(pathname);
    if (other !== undefined) return [200, other];
    if (pathname === resource) return method === "POST" ? create(body as unknown as ClaimObject) : list(searchParams);
    const [, name = "", part] = new RegExp(`^${resource}/([^/]+)(/status)?$`).exec(pathname) ?? [];
    const found = objects.get(name);
    if (found === undefined) return notFound(name);
    if (method === "GET") return [200, found];
    if (method === "PATCH" && part === "/status") {
      const changed = { ...found, status: (body as { status: object }).status };
      objects.set(name, changed);
      return [200, changed];
    }
    if (method === "DELETE") {
      const { uid } = (body as { preconditions?: { uid?: string } }).preconditions ?? {};
      if (uid !== undefined && uid !== found.metadata.uid) return refusal(409, "Conflict", name);
      objects.delete(name);
      return [200, { kind: "Status", status: "Success" }];
    }
    return refusal(405, "MethodNotAllowed", name);
  }

  function create(object: ClaimObject): [number, object] {
    const { name } = object.metadata;
    if (objects.has(name)) return refusal(409, "AlreadyExists", name);
    const stored = { ...object, metadata: { ...object.metadata, uid: randomUUID() } };
    objects.set(name, stored);
    return [201, stored];
  }

  function list(query: URLSearchParams): [number, object] {
    const [label = "", value] = (query.get("labelSelector") ?? "").split("=");
    const all = [...objects].filter(([, { metadata }]) => metadata.labels[label] === value).sort();
    const from = Number(query.get("continue") ?? 0);
    const to = from + Number(query.get("limit") ?? all.length);
    const items = all.slice(from, to).map(([, object]) => object);
    return [200, { kind: "List", metadata: to < all.length ? { continue: String(to) } : {}, items }];
  }

  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: address, "insecure-skip-tls-verify": true } }],
    users: [{ name: "test", user: { token: "test" } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  };
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  const standIn: StandIn = {
    kubeconfig,
    claims: () =>
      [...objects.values()].map(({ spec: { key, value }, status, metadata }) => {
        return { key, value, used: status?.used, owners: metadata.ownerReferences ?? [] };
      }),
    put(key, value) {
      objects.delete(nameOf(key));
      create(objectOf(key, value, undefined));
    },
    remove: (key) => void objects.delete(nameOf(key)),
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      for (const go of waiting.splice(0)) go();
    },
    cut: undefined,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return standIn;
}

const refusal = (code: number, reason: string, name: string): [number, object] => [
  code,
  { kind: "Status", status: "Failure", reason, message: `ipvlanclaims "${name}": ${reason}`, details: { name }, code },
];
const notFound = (name: string): [number, object] => refusal(404, "NotFound", name);
