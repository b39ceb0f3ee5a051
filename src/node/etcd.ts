// etcd's v3 API over its HTTP gateway (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/), which every member serves on its client
// port: a request of it takes a tenth of what loading gRPC takes.
import { readFileSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { EtcdConfig } from "../config/cluster.ts";
import { type ClaimStore, type Entry, Refused, Unreachable } from "./claim-store.ts";
import { noAnswer, reasonOf, refuseReadable, send } from "./requests.ts";

/** An entry as etcd tells it: base64, numbers as texts. */
interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
}

/** A member that does not answer in this time is not waited for while there are others. */
const PATIENCE_MS = 2000;
/** What a member answers when it has no leader, or is asked too much: the next time it may know more. */
const PASSING = new Set([408, 429, 502, 503, 504]);

/** @param timeoutMs for all that is asked, in milliseconds */
export function openEtcd(etcd: EtcdConfig, timeoutMs: number): ClaimStore {
  const { endpoints, prefix } = etcd;
  const tls = readCredentials(etcd);
  const agents = {
    "http:": new http.Agent({ keepAlive: true }),
    "https:": new https.Agent({ keepAlive: true, ...tls }),
  };
  const end = Date.now() + timeoutMs;
  let member = Math.floor(Math.random() * endpoints.length);

  async function call(path: string, body: object): Promise<unknown> {
    const failures = new Map<string, string>();
    for (let attempt = 0; ; attempt++) {
      const endpoint = endpoints[member] as string;
      const left = end - Date.now();
      if (left <= 0) throw new Unreachable(describe(failures, endpoint, timeoutMs));
      try {
        const { status, text } = await send(new URL(`/v3/kv/${path}`, endpoint), {
          method: "POST",
          body,
          agent: agents[endpoint.startsWith("https:") ? "https:" : "http:"],
          timeoutMs: endpoints.length > 1 ? Math.min(left, PATIENCE_MS) : left,
        });
        if (status === 200) return JSON.parse(text);
        const message = errorOf(text);
        if (!PASSING.has(status)) throw new Refused(`${endpoint} answers ${status}: ${message}`);
        failures.set(endpoint, message);
      } catch (error) {
        if (error instanceof Refused) throw error;
        const reason = reasonOf(error);
        // What is left of the time may be too short to hear the reason again.
        if (reason !== noAnswer || !failures.has(endpoint)) failures.set(endpoint, reason);
      }
      if (endpoints.every((one) => isLasting(failures.get(one))))
        throw new Unreachable(describe(failures, endpoint, timeoutMs));
      member = (member + 1) % endpoints.length;
      // All of them were asked: an election takes a second.
      if ((attempt + 1) % endpoints.length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  const full = (key: string): string => base64(`${prefix}/${key}`);
  const entryOf = ({ key, value, mod_revision }: KeyValue): Entry => ({
    key: text(key).slice(prefix.length + 1),
    value: text(value ?? ""),
    version: mod_revision,
  });

  return {
    async create(key, value) {
      const answer = (await call("txn", {
        compare: [{ key: full(key), target: "CREATE", result: "EQUAL", create_revision: "0" }],
        success: [{ request_put: { key: full(key), value: base64(value) } }],
        failure: [{ request_range: { key: full(key) } }],
      })) as { succeeded?: boolean; responses?: { response_range?: { kvs?: KeyValue[] } }[] };
      if (answer.succeeded === true) return undefined;
      const found = answer.responses?.[0]?.response_range?.kvs?.[0];
      if (found === undefined) throw new Unreachable(`etcd said neither that ${key} was made nor what it is`);
      const entry = entryOf(found);
      // The first answer was lost: values are different each time they are made, so this one is ours.
      return entry.value === value ? undefined : entry;
    },
    async get(key) {
      const { kvs } = (await call("range", { key: full(key) })) as { kvs?: KeyValue[] };
      const found = kvs?.[0];
      return found === undefined ? undefined : entryOf(found);
    },
    async list(begin) {
      const range = { key: full(begin), range_end: base64(after(`${prefix}/${begin}`)) };
      const { kvs = [] } = (await call("range", range)) as { kvs?: KeyValue[] };
      return kvs.map(entryOf);
    },
    async remove({ key, version }) {
      const { succeeded } = (await call("txn", {
        compare: [{ key: full(key), target: "MOD", result: "EQUAL", mod_revision: version }],
        success: [{ request_delete_range: { key: full(key) } }],
      })) as { succeeded?: boolean };
      return succeeded === true;
    },
  };
}

const base64 = (plain: string): string => Buffer.from(plain, "utf8").toString("base64");
const text = (encoded: string): string => Buffer.from(encoded, "base64").toString("utf8");

/** The first key behind all that begin so; none of ours ends with the last of all characters. */
function after(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

function readCredentials({ caFile, certFile, keyFile }: EtcdConfig): https.AgentOptions {
  if (keyFile !== undefined) refuseReadable(keyFile);
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  return { ca: read(caFile), cert: read(certFile), key: read(keyFile) };
}

function errorOf(answer: string): string {
  try {
    const { message, error } = JSON.parse(answer);
    return String(message ?? error ?? answer).slice(0, 300);
  } catch {
    return JSON.stringify(answer.slice(0, 300));
  }
}

/** Certificates that do not fit will not fit a moment later (OpenSSL's X509_V_ERR_*, by Node's names). */
function isLasting(reason: string | undefined): boolean {
  return reason !== undefined && /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|HOSTNAME_MISMATCH)/.test(reason);
}

function describe(failures: ReadonlyMap<string, string>, endpoint: string, timeoutMs: number): string {
  if (failures.size === 0) return `${endpoint}: no answer within ${timeoutMs} ms`;
  return [...failures].map(([one, reason]) => `${one}: ${reason}`).join("; ");
}
