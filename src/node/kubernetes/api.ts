import * as http from "node:http";
import { Unreachable } from "../claim-store.ts";
import { reasonOf, send } from "../requests.ts";

/** Where an API server is, and how it is asked. */
export interface Access {
  /** `https://10.96.0.1:443` */
  readonly server: string;
  readonly agent: http.Agent;
  /** Read anew for each request: tokens are replaced while the program runs. */
  readonly authorization: () => Promise<string | undefined>;
}

export interface Reply {
  readonly status: number;
  /** The object that the API answered with; a Status (its `message` says what is wrong) where it refuses. */
  readonly body: Readonly<Record<string, unknown>>;
}

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Answers that another try may improve: too many requests, and what a server says while it starts or ends. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);
const PAUSE_MS = 250;

/** The API of a Kubernetes, asked until it answers or the time is over. */
export class KubernetesApi {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  /**
   * @param body of a PATCH: what changes, as in a merge patch (RFC 7396)
   * @param end by `Date.now()`
   * @throws Unreachable
   */
  async ask(method: Method, path: string, end: number, body?: object): Promise<Reply> {
    let reason = "no answer in time";
    const { server, agent, authorization } = this.#access;
    for (;;) {
      const left = end - Date.now();
      if (left <= 0) throw new Unreachable(`${server}: ${reason}`);
      try {
        const token = await authorization();
        const { status, text } = await send(new URL(path, server), {
          method,
          ...(body === undefined ? {} : { body }),
          headers: {
            accept: "application/json",
            "user-agent": "ipvlan-node",
            ...(token === undefined ? {} : { authorization: token }),
            ...(method === "PATCH" ? { "content-type": "application/merge-patch+json" } : {}),
          },
          agent,
          timeoutMs: left,
        });
        const answer = parse(text);
        if (!PASSING.has(status)) return { status, body: answer };
        reason = messageOf({ status, body: answer });
      } catch (error) {
        reason = reasonOf(error);
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(PAUSE_MS, Math.max(0, end - Date.now()))));
    }
  }

  /** The lines of a watch, until the server ends it or `signal` does. */
  async *watch(path: string, signal: AbortSignal): AsyncGenerator<Readonly<Record<string, unknown>>, void> {
    const { server, agent, authorization } = this.#access;
    const token = await authorization();
    const url = new URL(path, server);
    const transport = url.protocol === "https:" ? await import("node:https") : http;
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const headers = { accept: "application/json", ...(token === undefined ? {} : { authorization: token }) };
      transport.get(url, { agent, headers, signal }, resolve).on("error", reject);
    });
    if (response.statusCode !== 200) {
      response.resume();
      throw new Unreachable(`${server} answers ${response.statusCode} to a watch`);
    }
    let rest = "";
    response.setEncoding("utf8");
    for await (const part of response) {
      const lines = (rest + part).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) if (line !== "") yield parse(line);
    }
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {}
  return { message: text.slice(0, 300) };
}

/** What the API says of its refusal. */
export function messageOf({ status, body }: Reply): string {
  return `${status} ${typeof body.message === "string" ? body.message : ""}`.trim();
}
