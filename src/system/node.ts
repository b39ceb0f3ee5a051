import { dlopen, getInt32 } from "node:ffi";
import { libcNames, signatures } from "./libc.ts";
import { type Port, SIGNALLED } from "./port.ts";

const types = { i: "int32", u: "uint32", z: "uint64", p: "buffer" } as const;

type Call = (...args: (number | bigint | Uint8Array)[]) => number;

function load(): Record<string, Call> {
  const definitions: Record<string, { arguments: string[]; return: string }> = {};
  for (const [name, args] of Object.entries(signatures)) {
    definitions[name] = { arguments: args.map((arg) => types[arg]), return: "int32" };
  }
  definitions.__errno_location = { arguments: [], return: "pointer" };
  definitions._exit = { arguments: ["int32"], return: "void" };
  let failure: unknown;
  for (const library of libcNames(process.arch)) {
    try {
      return dlopen(library, definitions as never).functions as never;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

const functions = load();
const errnoLocation = functions.__errno_location as unknown as () => bigint;

function negated(name: keyof typeof signatures): Call {
  const call = functions[name] as Call;
  const sizeAt = (signatures[name] as readonly string[]).indexOf("z");
  return (...args) => {
    // node:ffi takes 64-bit arguments as BigInt only; no function here has more than one.
    if (sizeAt >= 0) args[sizeAt] = BigInt(args[sizeAt] as number);
    const result = call(...args);
    return result === -1 ? -getInt32(errnoLocation()) : result;
  };
}

const run: Port["run"] = (path, environment, stdin, stdout, stderr, timeoutMs) => {
  // Loaded when they are needed: with what child_process brings along it takes 3 ms.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const { constants } = process.getBuiltinModule("node:os");
  const texts = decoder.decode(environment).split("\0").slice(0, -1);
  const child = spawnSync(decoder.decode(path).slice(0, -1), [], {
    env: Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)])),
    stdio: [stdin, stdout, stderr],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    // A group of its own: what it has started ends with it when the time is over.
    ...({ detached: true } as object),
  });
  const errno = (child.error as NodeJS.ErrnoException | undefined)?.errno;
  if (errno !== undefined) {
    try {
      if (errno === -constants.errno.ETIMEDOUT) process.kill(-child.pid, "SIGKILL");
    } catch {
      // The group has ended.
    }
    return errno;
  }
  return child.status ?? SIGNALLED + constants.signals[child.signal as NodeJS.Signals];
};

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
  exit: functions._exit as never,
  encode: (text: string) => encoder.encode(text),
  decode: (bytes: Uint8Array) => decoder.decode(bytes),
  environment: process.env,
  argv: process.argv.slice(2),
  pid: process.pid,
  arch: process.arch,
  engine: `Node.js ${process.versions.node}`,
  run,
  terminalSize,
  start: (main: () => void) => main(),
} as unknown as Port;
