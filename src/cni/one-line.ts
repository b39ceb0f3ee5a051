import { decode, encode } from "../system/text.ts";

/** Bytes of a message or of an error's details: they go through logs, events and annotations of whoever called. */
const longest = 2000;
/** Of these at the end, where a message says what to do. */
const tail = 600;
const gap = " ... ";

/**
 * A text for a log: one line without characters that steer a terminal or change the order of others, of a bounded length.
 * What is too long loses its middle.
 */
export function oneLine(text: string): string {
  // Twice as much as may stay of either end: most characters become no longer, and the text may have megabytes.
  const short = text.length > 4 * longest ? text.slice(0, 2 * longest) + text.slice(-2 * longest) : text;
  const line = short
    .replace(/[\t\n\v\f\r\x85\u2028\u2029]+/g, " ")
    .replace(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, escaped);
  const bytes = encode(line);
  if (bytes.length <= longest) return line;
  const end = bytes.length - tail;
  return (
    decode(bytes.subarray(0, before(bytes, longest - tail - gap.length))) +
    gap +
    decode(bytes.subarray(after(bytes, end)))
  );
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

// A byte 10xxxxxx is within a character of UTF-8.
const isWithin = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** The beginning of the character at this place. */
function before(bytes: Uint8Array, place: number): number {
  let at = place;
  while (isWithin(bytes[at])) at--;
  return at;
}

/** The beginning of the next character, where one begins before this place. */
function after(bytes: Uint8Array, place: number): number {
  let at = place;
  while (isWithin(bytes[at])) at++;
  return at;
}
