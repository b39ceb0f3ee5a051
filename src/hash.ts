// FNV-1a: for names and tables, not for secrets, and no cryptography to load.

/** 32 bits, over UTF-16 units: 0 to 2^32-1. @param before the hash of a text that this one follows */
export function hash32(text: string, before = 0x811c9dc5): number {
  let value = before;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return value;
}

/** 64 bits, over UTF-16 units, as 16 hexadecimal digits. */
export function hash64(text: string): string {
  let value = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    value = ((value ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return value.toString(16).padStart(16, "0");
}
