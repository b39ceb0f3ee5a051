/** "02:42:ac:12:00:02" */
export function macText(address: Uint8Array): string {
  return [...address].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
