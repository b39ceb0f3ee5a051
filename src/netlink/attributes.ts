import { decode, encode } from "../system/text.ts";
import { getU16, set32, setU16 } from "./bytes.ts";
import { NLA_F_NESTED, NLA_TYPE_MASK } from "./constants.ts";

/** Netlink attributes: u16 length, u16 type, value, padded to 4 bytes. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array | readonly Attribute[];
}

/** Attributes of one message or nest. */
export interface Attributes {
  /** The value of a type; of one that occurs twice, the last. */
  get(type: number): Uint8Array | undefined;
}

export function bytesAttribute(type: number, value: Uint8Array): Attribute {
  return { type, value };
}

/** NUL-terminated text. */
export function stringAttribute(type: number, text: string): Attribute {
  return { type, value: encode(`${text}\0`) };
}

export function u8Attribute(type: number, value: number): Attribute {
  return { type, value: new Uint8Array([value]) };
}

export function u16Attribute(type: number, value: number): Attribute {
  return { type, value: new Uint8Array([value & 255, value >>> 8]) };
}

export function u32Attribute(type: number, value: number): Attribute {
  const bytes = new Uint8Array(4);
  set32(bytes, 0, value);
  return { type, value: bytes };
}

/** In network byte order, as nf_tables wants its numbers. */
export function be32Attribute(type: number, value: number): Attribute {
  return { type, value: new Uint8Array([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]) };
}

export function nestAttribute(type: number, value: readonly Attribute[]): Attribute {
  return { type, value };
}

/** NLA_ALIGN */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** Bytes that the attributes take, padding included. */
export function sizeOf(attributes: readonly Attribute[]): number {
  let size = 0;
  for (const { value } of attributes) size += 4 + align(value instanceof Uint8Array ? value.length : sizeOf(value));
  return size;
}

/** Writes the attributes at `at` and returns where they end. */
export function writeAttributes(bytes: Uint8Array, at: number, attributes: readonly Attribute[]): number {
  let start = at;
  for (const { type, value } of attributes) {
    let end: number;
    if (value instanceof Uint8Array) {
      bytes.set(value, start + 4);
      end = start + 4 + value.length;
      setU16(bytes, start + 2, type);
    } else {
      end = writeAttributes(bytes, start + 4, value);
      setU16(bytes, start + 2, type | NLA_F_NESTED);
    }
    setU16(bytes, start, end - start);
    start = align(end);
  }
  return start;
}

/** Reads attributes from `from` to the end; what does not fit its own length ends the reading. */
export function readAttributes(bytes: Uint8Array, from = 0): Attributes {
  // Where the attributes are, by type, 0 for none. A link has some forty of them: a view of each, or a Map, would take most of the
  // time of reading it.
  const places = new Uint16Array(PLACES);
  for (let at = from; at + 4 <= bytes.length && at < 65536; ) {
    const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    if (length < 4 || at + length > bytes.length) break;
    places[((bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8)) & NLA_TYPE_MASK] = at + 1;
    at += align(length);
  }
  return {
    get(type) {
      if (type >= PLACES) return listAttributes(bytes.subarray(from)).findLast((one) => one.type === type)?.value;
      const at = (places[type] as number) - 1;
      return at < 0 ? undefined : bytes.subarray(at + 4, at + getU16(bytes, at));
    },
  };
}

/** Types of attributes that have a place: more than the kernel has in the messages that are read here. */
const PLACES = 128;

/** The value of one attribute, where no other is asked for: {@link readAttributes} notes the places of all. */
export function readAttribute(bytes: Uint8Array, from: number, type: number): Uint8Array | undefined {
  for (let at = from; at + 4 <= bytes.length; ) {
    const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    if (length < 4 || at + length > bytes.length) return undefined;
    const found = ((bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8)) & NLA_TYPE_MASK;
    if (found === type) return bytes.subarray(at + 4, at + length);
    at += align(length);
  }
  return undefined;
}

/** All attributes in their order, also several of one type: the elements of a list. */
export function listAttributes(bytes: Uint8Array): { type: number; value: Uint8Array }[] {
  const list: { type: number; value: Uint8Array }[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = getU16(bytes, at);
    if (length < 4 || at + length > bytes.length) break;
    list.push({ type: getU16(bytes, at + 2) & NLA_TYPE_MASK, value: bytes.subarray(at + 4, at + length) });
    at += align(length);
  }
  return list;
}

/** As {@link readU32}, of two bytes. */
export function readU16(bytes: Uint8Array | undefined): number | undefined {
  return readU32(bytes?.subarray(0, 2));
}

/** A value of another size than the kernel's is cut, or counts as the lower bytes. */
export function readU32(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  const byte = (i: number): number => bytes[i] ?? 0;
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}

/** Text up to its NUL. */
export function readString(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const end = bytes.indexOf(0);
  return decode(end < 0 ? bytes : bytes.subarray(0, end));
}
