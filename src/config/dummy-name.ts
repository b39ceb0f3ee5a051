/** Bytes of IFNAMSIZ that are left after `di-`. */
const room = 12;

/** The name of a network's dummy link: `di-` and the network's name, as Docker does, or a hash of it where it is longer. */
export function dummyName(networkName: string): string {
  return `di-${networkName.length <= room ? networkName : hash(networkName).slice(0, room)}`;
}

/** FNV-1a, 64 bits, as 16 hexadecimal digits: names, not secrets, and no cryptography to load. */
export function hash(text: string): string {
  let value = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    value = ((value ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return value.toString(16).padStart(16, "0");
}
