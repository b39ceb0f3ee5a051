import { port } from "#system";

/** UTF-8. */
export const encode = (text: string): Uint8Array => port.encode(text);

/** UTF-8; bytes that are none become U+FFFD. */
export const decode = (bytes: Uint8Array): string => port.decode(bytes);

/** The text as C wants it: UTF-8 with a NUL at the end. A NUL inside would cut a path short, so it is refused. */
export function cstring(text: string): Uint8Array {
  if (text.includes("\0")) throw new RangeError("a path must not contain NUL");
  return port.encode(`${text}\0`);
}
