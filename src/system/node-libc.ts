import { dlopen, getInt32 } from "node:ffi";
import { libcNames, signatures } from "./libc.ts";

const types = { i: "int32", u: "uint32", z: "uint64", p: "buffer" } as const;

export type Call = (...args: (number | bigint | Uint8Array)[]) => number;

function load(): Record<string, Call> {
  const definitions: Record<string, { arguments: string[]; return: string }> = {};
  for (const [name, args] of Object.entries(signatures)) {
    definitions[name] = { arguments: args.map((arg) => types[arg]), return: "int32" };
  }
  definitions.__errno_location = { arguments: [], return: "pointer" };
  definitions._exit = { arguments: ["int32"], return: "void" };
  definitions.prctl = { arguments: ["int32", "uint64", "uint64", "uint64", "uint64"], return: "int32" };
  definitions.fcntl = { arguments: ["int32", "int32", "int32"], return: "int32" };
  definitions.signal = { arguments: ["int32", "uint64"], return: "uint64" };
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

/** Functions of the C library as they are. */
export const functions = load();
const errnoLocation = functions.__errno_location as unknown as () => bigint;

/** A function whose failure is its negated errno. */
export function negated(name: keyof typeof signatures): Call {
  const call = functions[name] as Call;
  const sizeAt = (signatures[name] as readonly string[]).indexOf("z");
  return (...args) => {
    // node:ffi takes 64-bit arguments as BigInt only; no function here has more than one.
    if (sizeAt >= 0) args[sizeAt] = BigInt(args[sizeAt] as number);
    const result = call(...args);
    return result === -1 ? -getInt32(errnoLocation()) : result;
  };
}
