/**
 * Whether the engine has thrown this since memory or stack is used up: by what it was given to read, not by a mistake of ours.
 * QuickJS throws null where there is no room for an error object any more.
 */
export function isExhausted(error: unknown): boolean {
  if (error === null) return true;
  if (!(error instanceof Error)) return false;
  return /^out of memory|^stack overflow|call stack size exceeded|[Ii]nvalid string length|allocation failed/.test(
    error.message,
  );
}
