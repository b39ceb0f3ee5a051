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
  const value = text.includes(":") ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family: text.includes(":") ? 6 : 4, value };
}

// Decimal octets without leading zeros: inet_aton's octal and short forms have been used to smuggle addresses past checks.
function parseV4(text: string): bigint | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const digits = match[i] as string;
    const octet = Number(digits);
    if (octet > 255 || (digits.length > 1 && digits[0] === "0")) return undefined;
    value = value * 256 + octet;
  }
  return BigInt(value);
}

function parseV6(text: string): bigint | undefined {
  let groups = text;
  const dotted = text.slice(text.lastIndexOf(":") + 1);
  if (dotted.includes(".")) {
    const low = parseV4(dotted);
    if (low === undefined) return undefined;
    groups = `${text.slice(0, -dotted.length)}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  }
  const halves = groups.split("::");
  if (halves.length > 2) return undefined;
  const head = halves[0] === "" ? [] : (halves[0] as string).split(":");
  const tail = halves[1] === undefined || halves[1] === "" ? [] : halves[1].split(":");
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array<string>(missing).fill("0"), ...tail]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    value = (value << 16n) | BigInt(Number.parseInt(group, 16));
  }
  return value;
}

/** Canonical text: dotted decimal, or RFC 5952 (lower case, longest run of zeros shortened, IPv4-mapped dotted). */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) return formatV4(Number(value));
  if (value >> 32n === 0xffffn) return `::ffff:${formatV4(Number(value & 0xffffffffn))}`;
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
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
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const length = Number(digits);
  return length > bitsOf(address.family) ? undefined : { address, length };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

function hostMask({ address, length }: Prefix): bigint {
  return (1n << BigInt(bitsOf(address.family) - length)) - 1n;
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
  for (let i = bytes.length - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

/** From 4 or 16 bytes, network order. */
export function fromBytes(bytes: Uint8Array): Address {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { family: bytes.length === 4 ? 4 : 6, value };
}
