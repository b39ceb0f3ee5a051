// The rules for names that the specification and the kernel have in common with every plugin.
import { encode } from "../system/text.ts";

/** Network names and container ids (SPEC.md, "Configuration format" and "Parameters"). Safe as a file's name. */
export function isIdentifier(text: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text);
}

/** IFNAMSIZ without the terminating NUL. */
export const longestInterfaceName = 15;

/**
 * The kernel's rule (net/core/dev.c, dev_valid_name), which is libcni's as well.
 * @returns what is wrong with the name, as the end of a sentence; undefined for a good one
 */
export function interfaceNameFault(name: string): string | undefined {
  if (name === "") return "is empty";
  if (name === "." || name === "..") return "is a name that the kernel refuses";
  // White space and control characters (of which the kernel refuses fewer), "/" and ":".
  if (/[/:\s\p{Cc}]/u.test(name)) return "has a character in it that the kernel refuses: no /, : or white space";
  const bytes = encode(name).length;
  return bytes > longestInterfaceName ? `has ${bytes} bytes, and the kernel takes ${longestInterfaceName}` : undefined;
}

/** Names of executables that are looked up on CNI_PATH (SPEC.md, "Plugin configuration objects"): no path. */
export function isPluginName(name: string): boolean {
  if (name === "" || name === "." || name === "..") return false;
  return !name.includes("/") && !name.includes("\\") && !name.includes("\0");
}
