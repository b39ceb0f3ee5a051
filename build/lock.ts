/** A lock between processes of this machine. */

import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Runs `work` while no other process runs anything under the same name.
 *
 * The lock is an abstract unix socket, which the kernel takes away with its process: a killed process leaves no stale
 * lock, which a lock file would. (Node has no flock.)
 */
export async function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
  const server = createServer();
  const address = `\0ipvlan-cni-${createHash("sha256").update(name).digest("hex").slice(0, 12)}`;
  while (!(await listens(server, address))) {
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    await new Promise((done) => server.close(done));
  }
}

function listens(server: ReturnType<typeof createServer>, address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.removeAllListeners();
    server.once("listening", () => resolve(true));
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(false) : reject(error),
    );
    server.listen(address);
  });
}
