import { relative, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "..");

/** A path inside the repository. */
export const at = (...parts: string[]): string => resolve(root, ...parts);

/** A path as a reader of the output knows it: relative to the repository. */
export const shown = (path: string): string => relative(root, path);
