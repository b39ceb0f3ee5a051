let last = "";

/** A line for whoever reads the pod's log; the same one twice in a row is said once. */
export function log(message: string): void {
  if (message !== last) process.stderr.write(`${message}\n`);
  last = message;
}
