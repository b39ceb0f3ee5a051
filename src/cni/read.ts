// Values of JSON that a schema has not seen, or has seen as strings only: read with a JSON pointer for the error.
import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, type Prefix, parseAddress, parsePrefix } from "../ip/address.ts";
import { describe, isObject, type JsonObject, placeOf } from "./json.ts";

/** An error in the configuration (code 7): `WHERE MESSAGE`, with the pointer as details. */
export function invalid(pointer: string, message: string): PluginError {
  return new PluginError(ErrorCode.invalidConfiguration, `${placeOf(pointer)} ${message}`, pointer);
}

export function readObject(value: unknown, pointer: string): JsonObject {
  if (isObject(value)) return value;
  throw invalid(pointer, `must be an object, not ${describe(value)}`);
}

/** Items that a list may have. More are no network's, and would only take time and memory until something else ended it. */
export const longestList = 65536;

/** Go writes an empty list as null. */
export function readList<T>(value: unknown, pointer: string, read: (value: unknown, pointer: string) => T): T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(pointer, `must be a list, not ${describe(value)}`);
  if (value.length > longestList) throw invalid(pointer, `has more than ${longestList} items`);
  return value.map((item, index) => read(item, `${pointer}/${index}`));
}

export function readString(value: unknown, pointer: string): string {
  if (typeof value === "string") return value;
  throw invalid(pointer, `must be a string, not ${describe(value)}`);
}

export function readInteger(value: unknown, pointer: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(pointer, `must be a whole number of at least 0, not ${describe(value)}`);
}

/** Reads a number that the kernel holds in so many bits: what is larger would be cut. */
export function readUnsigned(bits: 8 | 32): (value: unknown, pointer: string) => number {
  const most = 2 ** bits - 1;
  return (value, pointer) => {
    const number = readInteger(value, pointer);
    if (number <= most) return number;
    throw invalid(pointer, `must be at most ${most}, not ${number}`);
  };
}

/** Absent, null and "" are the same to the reference plugins. */
export function optional<T>(
  value: unknown,
  pointer: string,
  read: (value: unknown, pointer: string) => T,
): T | undefined {
  return value === undefined || value === null || value === "" ? undefined : read(value, pointer);
}

export function readAddress(value: unknown, pointer: string): Address {
  const text = readString(value, pointer);
  const address = parseAddress(text);
  if (address !== undefined) return address;
  const hint = parsePrefix(text) === undefined ? "" : ": an address without a length is wanted";
  throw invalid(pointer, `${describe(text)} is no IP address${hint}`);
}

/** `ADDRESS/LENGTH`, the host bits kept. */
export function readPrefix(value: unknown, pointer: string): Prefix {
  const text = readString(value, pointer);
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return prefix;
  const address = parseAddress(text);
  const hint = address === undefined ? "" : `: a length is wanted, as in ${text}/${address.family === 4 ? 24 : 64}`;
  throw invalid(pointer, `${describe(text)} is no ADDRESS/LENGTH${hint}`);
}
