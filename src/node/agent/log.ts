const AGAIN_MS = 600_000;
const said = new Map<string, number>();

/** A line for whoever reads the pod's log; the same one again after a while. */
export function log(message: string): void {
  const now = Date.now();
  if (now - (said.get(message) ?? 0) < AGAIN_MS) return;
  said.set(message, now);
  process.stderr.write(`${message}\n`);
}
