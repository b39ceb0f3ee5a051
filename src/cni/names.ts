// The rules for names that the specification and the kernel have in common with every plugin.
import { encode } from "../system/text.ts";

/** Bytes of a file's name (limits.h, NAME_MAX). */
export const longestFileName = 255;

/** Network names and container ids (SPEC.md, "Configuration format" and "Parameters"). Safe as a file's name. */
export function isIdentifier(text: string): boolean {
  // Not one pattern with a star: the engine would note every character of a name of megabytes.
  return /^[a-zA-Z0-9]/.test(text) && !/[^a-zA-Z0-9_.-]/.test(text);
}

/** What is wrong with an identifier, as the end of a sentence; undefined for a good one. */
export function identifierFault(text: string): string | undefined {
  return isIdentifier(text) ? undefined : "must begin with a letter or digit and hold only letters, digits, _, . and -";
}

/** IFNAMSIZ without the terminating NUL. */
export const longestInterfaceName = 15;

/** ALTIFNAMSIZ without the terminating NUL: of an alternative name (ip link property add). */
const longestAlternativeName = 127;

/**
 * libcni's rule (cni, pkg/utils, ValidateInterfaceName): what a runtime may ask for.
 * @returns what is wrong with the name, as the end of a sentence; undefined for a good one
 */
export function askedNameFault(name: string): string | undefined {
  return nameFault(name, longestInterfaceName);
}

/** {@link askedNameFault} of a name by which an existing link is looked up: it may be one of its alternative names. */
export function linkNameFault(name: string): string | undefined {
  return nameFault(name, longestAlternativeName);
}

function nameFault(name: string, longest: number): string | undefined {
  if (name === "") return "is empty";
  if (name === "." || name === "..") return "is a name that the kernel refuses";
  // White space and control characters (of which the kernel refuses fewer), "/" and ":".
  if (/[/:\s\p{Cc}]/u.test(name)) return refusedCharacter;
  const { length } = encode(name);
  return length > longest ? `has ${length} bytes, and the kernel takes ${longest}` : undefined;
}

const refusedCharacter = "has a character in it that the kernel refuses: no /, : or white space";

/**
 * The kernel's rule beside that: names that a link can have (net/core/dev.c, dev_valid_name), and then really has.
 * @returns as {@link askedNameFault}
 */
export function interfaceNameFault(name: string): string | undefined {
  const fault = askedNameFault(name);
  if (fault !== undefined) return fault;
  // Their folders below /proc/sys/net (net/core/sysctl_net_core.c, sysctl_dev_name_is_allowed).
  if (name === "all" || name === "default") return "is a name that the kernel keeps for settings of all interfaces";
  if (name.includes("%")) return "has a % in it, which the kernel replaces by a number or refuses";
  // The kernel looks at bytes, and to it 0xa0, with which "à" ends, is white space.
  return encode(name).includes(0xa0) ? refusedCharacter : undefined;
}

/** Names of executables that are looked up on CNI_PATH (SPEC.md, "Plugin configuration objects"): no path. */
export function isPluginName(name: string): boolean {
  if (name === "" || name === "." || name === "..") return false;
  return !name.includes("/") && !name.includes("\\") && !name.includes("\0");
}
