import { signatures } from "./libc.ts";
import { environment } from "./node-environment.ts";
import { type Call, functions, negated } from "./node-libc.ts";
import { run } from "./node-run.ts";
import type { Port } from "./port.ts";

const terminalSize: Port["terminalSize"] = (fd, buffer) => {
  const tty = process.getBuiltinModule("node:tty");
  if (!tty.isatty(fd)) return -process.getBuiltinModule("node:os").constants.errno.ENOTTY;
  const [columns, rows] = new tty.WriteStream(fd).getWindowSize();
  buffer.set(new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer));
  return 0;
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const calls: Record<string, Call> = {};
for (const name of Object.keys(signatures)) calls[name] = negated(name as keyof typeof signatures);

export const port = {
  ...calls,
  clock: () => performance.now(),
  exit: functions._exit as never,
  encode: (text: string) => encoder.encode(text),
  decode: (bytes: Uint8Array) => decoder.decode(bytes),
  environment,
  argv: process.argv.slice(2),
  pid: process.pid,
  arch: process.arch,
  engine: `Node.js ${process.versions.node}`,
  run,
  terminalSize,
  start: (main: () => void) => main(),
} as unknown as Port;
