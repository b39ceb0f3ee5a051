import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { ClaimStore } from "../claim-store.ts";
import { answersOf } from "./answers.ts";
import { log } from "./log.ts";
import { places } from "./settings.ts";

/** No request is longer: one of a node with 100,000 addresses has 4 MB. */
const MOST = 64 * 1024 * 1024;

/**
 * Answers the plugin's requests, one a connection, a line each way.
 * @param open the store, for a request that has so many milliseconds
 */
export async function serveRequests(node: string, open: (timeoutMs: number) => ClaimStore): Promise<Server> {
  mkdirSync(places.state, { recursive: true, mode: 0o700 });
  // Of an agent that was killed.
  rmSync(places.socket, { force: true });
  const answer = answersOf(node, open);
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, answer));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(places.socket, resolve);
  });
  chmodSync(places.socket, 0o600);
  return server;
}

function serve(socket: Socket, answer: (text: string) => Promise<object>): void {
  let text = "";
  // A plugin that was killed.
  socket.on("error", () => socket.destroy());
  socket.setEncoding("utf8").on("data", async (part: string) => {
    if (text.endsWith("\n")) return;
    text += part;
    if (text.length > MOST) socket.destroy();
    if (!text.endsWith("\n")) return;
    try {
      socket.end(`${JSON.stringify(await answer(text))}\n`);
    } catch (error) {
      log(`a request came to nothing: ${(error as Error).stack}`);
      socket.destroy();
    }
  });
}
