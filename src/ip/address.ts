/**
 * IP addresses and prefixes of both families through the same code: the family is data.
 * Text forms: RFC 4291 in, RFC 5952 out.
 */

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  /** 0 to 2^32-1 or 2^128-1 */
  readonly value: bigint;
}

/** An address with the length of its network part. The host bits are kept. */
export interface Prefix {
  readonly address: Address;
  /** 0 to 32 or 128 */
  readonly length: number;
}

/** Width of an address in bits. */
export function bitsOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** @returns undefined where the text is no address. */
export function parseAddress(text: string): Address | undefined {
  const family = text.includes(":") ? 6 : 4;
  const value = family === 6 ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family, value };
}

// Decimal octets without leading zeros: inet_aton's octal and short forms have been used to smuggle addresses past checks. Read digit
// by digit, since a folder or a list may have 60,000 addresses, and the result of a regular expression takes ten times the memory.
function parseV4(text: string): bigint | undefined {
  let value = 0;
  let octets = 0;
  for (let start = 0; start <= text.length; octets++) {
    const dot = text.indexOf(".", start);
    const end = dot < 0 ? text.length : dot;
    const octet = parseDecimal(text, start, end);
    if (octet === undefined || octet > 255) return undefined;
    value = value * 256 + octet;
    start = end + 1;
  }
  return octets === 4 ? BigInt(value) : undefined;
}

/** One to three digits, no leading zero. */
function parseDecimal(text: string, start: number, end: number): number | undefined {
  if (end <= start || end > start + 3 || (text[start] === "0" && end > start + 1)) return undefined;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

function parseV6(text: string): bigint | undefined {
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const first = hexOf(head, tail === undefined);
  const last = hexOf(tail ?? "", true);
  if (first === undefined || last === undefined) return undefined;
  const missing = 32 - first.length - last.length;
  // "::" stands for one group of zeros at least.
  if (tail === undefined ? missing !== 0 : missing < 4) return undefined;
  return BigInt(`0x${first}${"0".repeat(missing)}${last}`);
}

/**
 * Groups of up to four hexadecimal digits as digits, four for each; the last two perhaps written as an IPv4 address (RFC 4291,
 * 2.2), if these are an address's last.
 */
function hexOf(text: string, isEnd: boolean): string | undefined {
  if (text === "") return "";
  let digits = "";
  const words = text.split(":");
  for (const [index, word] of words.entries()) {
    if (/^[\da-f]{1,4}$/i.test(word)) {
      digits += word.padStart(4, "0");
      continue;
    }
    const value = isEnd && index === words.length - 1 ? parseV4(word) : undefined;
    if (value === undefined) return undefined;
    digits += value.toString(16).padStart(8, "0");
  }
  return digits;
}

/** Canonical text: dotted decimal, or RFC 5952 (lower case, longest run of zeros shortened, IPv4-mapped dotted). */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return formatV4(Number(value));
  if (value >> 32n === 0xffffn) return `::ffff:${formatV4(Number(value & 0xffffffffn))}`;
  const digits = value.toString(16).padStart(32, "0");
  const groups = Array.from({ length: 8 }, (_, i) => Number.parseInt(digits.slice(4 * i, 4 * i + 4), 16));
  let start = -1;
  let length = 1; // a single zero group is not shortened (RFC 5952, 4.2.2)
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) {
      start = i;
      length = run;
    }
    i += run;
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function formatV4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** `ADDRESS/LENGTH`; the host bits are kept. @returns undefined where the text is no CIDR. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const length = parseDecimal(text, slash + 1, text.length);
  if (address === undefined || length === undefined || length > bitsOf(address.family)) return undefined;
  return { address, length };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/** By the number of host bits; made when the executable is built. */
const hostMasks = Array.from({ length: 129 }, (_, bits) => (1n << BigInt(bits)) - 1n);

function hostMask({ address, length }: Prefix): bigint {
  return hostMasks[bitsOf(address.family) - length] as bigint;
}

/** The prefix with its host bits cleared. */
export function networkOf(prefix: Prefix): Prefix {
  return { address: firstOf(prefix), length: prefix.length };
}

/** The lowest address of the prefix, the network's own. */
export function firstOf(prefix: Prefix): Address {
  const { family, value } = prefix.address;
  return { family, value: value & ~hostMask(prefix) };
}

/** The highest address of the prefix; in IPv4 the broadcast address, but for /31 and /32. */
export function lastOf(prefix: Prefix): Address {
  const { family, value } = prefix.address;
  return { family, value: value | hostMask(prefix) };
}

/**
 * First and last address that a host may have.
 * IPv4: without network and broadcast address, except /31 (RFC 3021) and /32.
 * IPv6: without the subnet-router anycast address (RFC 4291, 2.6.1), except /127 (RFC 6164) and /128.
 */
export function usableRange(prefix: Prefix): { first: Address; last: Address } {
  const first = firstOf(prefix);
  const last = lastOf(prefix);
  if (bitsOf(first.family) - prefix.length < 2) return { first, last };
  return { first: offset(first, 1n), last: first.family === 4 ? offset(last, -1n) : last };
}

/** The address `by` places on. The caller keeps it inside the family's width. */
export function offset({ family, value }: Address, by: bigint): Address {
  return { family, value: value + by };
}

/** 0.0.0.0 or :: (RFC 1122, 3.2.1.3; RFC 4291, 2.5.2): no address. */
export function isUnspecified({ value }: Address): boolean {
  return value === 0n;
}

/** fe80::/10 (RFC 4291, 2.5.6) */
export function isLinkLocal({ family, value }: Address): boolean {
  return family === 6 && value >> 118n === 0x3fan;
}

export function contains(prefix: Prefix, address: Address): boolean {
  const mask = hostMask(prefix);
  return prefix.address.family === address.family && (prefix.address.value | mask) === (address.value | mask);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? contains(a, b.address) : contains(b, a.address);
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}

export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && sameAddress(a.address, b.address);
}

/** 4 or 16 bytes, network order. */
export function toBytes({ family, value }: Address): Uint8Array {
  const bytes = new Uint8Array(bitsOf(family) / 8);
  if (family === 4) {
    putWord(bytes, 0, Number(value));
  } else {
    for (let at = 12, rest = value; at >= 0; at -= 4, rest >>= 32n) putWord(bytes, at, Number(rest & 0xffffffffn));
  }
  return bytes;
}

/** A number of 32 bits. */
function putWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** From 4 or 16 bytes, network order. */
export function fromBytes(bytes: Uint8Array): Address {
  if (bytes.length === 4) return { family: 4, value: BigInt(wordAt(bytes, 0)) };
  let value = 0n;
  for (let at = 0; at < bytes.length; at += 4) value = (value << 32n) | BigInt(wordAt(bytes, at));
  return { family: 6, value };
}

function wordAt(bytes: Uint8Array, at: number): number {
  const byte = (i: number): number => bytes[at + i] as number;
  return byte(0) * 0x1000000 + ((byte(1) << 16) | (byte(2) << 8) | byte(3));
}
