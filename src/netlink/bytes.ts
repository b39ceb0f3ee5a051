/**
 * Numbers in messages, in the machine's byte order, which is little-endian on every machine that this program is built for.
 * Byte by byte: for a DataView the runtime would move each of our many small arrays to memory of its own.
 */

/** @throws RangeError behind the end, as a DataView */
export function getU16(bytes: Uint8Array, at: number): number {
  if (at + 2 > bytes.length) throw new RangeError(`no number at ${at} in ${bytes.length} bytes`);
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

export function getS32(bytes: Uint8Array, at: number): number {
  return getU16(bytes, at) | (getU16(bytes, at + 2) << 16);
}

export function getU32(bytes: Uint8Array, at: number): number {
  return getS32(bytes, at) >>> 0;
}

export function setU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

/** Of an unsigned or a signed number. */
export function set32(bytes: Uint8Array, at: number, value: number): void {
  setU16(bytes, at, value);
  setU16(bytes, at + 2, value >>> 16);
}
