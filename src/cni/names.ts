// The rules for names that the specification and the kernel have in common with every plugin.
// Read character by character: a regular expression costs its compilation, some 50 µs each in a process of 5 ms.

/** Network names and container ids (SPEC.md, "Configuration format" and "Parameters"). Safe as a file's name. */
export function isIdentifier(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (isLetterOrDigit(character)) continue;
    if (i === 0 || (character !== "_" && character !== "." && character !== "-")) return false;
  }
  return text !== "";
}

function isLetterOrDigit(character: string): boolean {
  return (
    (character >= "a" && character <= "z") ||
    (character >= "A" && character <= "Z") ||
    (character >= "0" && character <= "9")
  );
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
  let bytes = 0;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    // White space and control characters (of which the kernel refuses fewer), "/" and ":".
    if (code <= 0x20 || code === 0x2f || code === 0x3a || (code > 0x7f && (name[i] as string).trim() === "")) {
      return "has a character in it that the kernel refuses: no /, : or white space";
    }
    // In UTF-8; a surrogate is half of four bytes.
    bytes += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3;
  }
  return bytes > longestInterfaceName ? `has ${bytes} bytes, and the kernel takes ${longestInterfaceName}` : undefined;
}

/** Names of executables that are looked up on CNI_PATH (SPEC.md, "Plugin configuration objects"): no path. */
export function isPluginName(name: string): boolean {
  if (name === "" || name === "." || name === "..") return false;
  return !name.includes("/") && !name.includes("\\") && !name.includes("\0");
}
