/** How long ago a time was, in the largest unit that fits: `3d`, `5h`, `12m`, `40s`. @param since milliseconds since 1970 */
export function age(since: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  for (const [unit, length] of [
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60],
  ] as const) {
    if (seconds >= length) return `${Math.floor(seconds / length)}${unit}`;
  }
  return `${seconds}s`;
}

/** `2026-11-24T10:00:00Z` */
export const timeOf = (since: number): string => `${new Date(since).toISOString().slice(0, 19)}Z`;
