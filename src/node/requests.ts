import { statSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { Refused } from "./claim-store.ts";

export interface Sending {
  readonly method: string;
  /** Sent as JSON. */
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent: http.Agent;
  readonly timeoutMs: number;
}

/** Sends a request by HTTP, and reads all of the answer. */
export function send(
  url: URL,
  { method, body, headers, agent, timeoutMs }: Sending,
): Promise<{ status: number; text: string }> {
  const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  // The length is said: Node sends a DELETE's body without, and the server takes it for the next request.
  const ofBody =
    text === undefined ? {} : { "content-type": "application/json", "content-length": String(text.length) };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? https : http).request(
      url,
      {
        method,
        agent,
        headers: { ...ofBody, ...headers },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") }),
        );
      },
    );
    request.on("error", reject);
    request.end(text);
  });
}

export const noAnswer = "no answer in time";

/** Why a request had no answer, in a few words. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError" || error.name === "AbortError") return noAnswer;
  return (error as NodeJS.ErrnoException).code ?? error.message;
}

/** Of a file with secrets. @throws Refused where others than its owner can read it */
export function refuseReadable(file: string): void {
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new Refused(`${file} can be read by others than its owner: chmod 600 ${file}`);
  }
}
