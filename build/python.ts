import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { unpacked } from "./debian/packages.ts";
import { libraryPath } from "./library-path.ts";
import { Obstacle } from "./obstacle.ts";
import { hasProgram } from "./programs.ts";
import { runTool } from "./run-tool.ts";

/** Of what pip depends on: modules of Python's that it does not use. */
const unneeded =
  /^(openssl|ca-certificates|media-types|readline-common|python3-(wheel|lib2to3)|lib(gssapi|k5crypto|keyutils|krb5|ncursesw|nsl|readline|sqlite3|tirpc))/;

/** Runs Python and gives what it prints. */
export type Python = (words: readonly string[], variables?: Readonly<Record<string, string>>) => Promise<string>;

/**
 * Debian's Python with pip, unpacked into the cache; on another system its own.
 * @param folder for a file that it needs while it runs
 * @param purpose what pip is to fetch
 */
export async function findPython(folder: string, purpose: string): Promise<Python> {
  if (!hasProgram("apt-get")) {
    const python: Python = (words, variables = {}) => runTool("python3", words, { variables });
    await python(["-m", "pip", "--version"]).catch(() => {
      throw new Obstacle(`pip fetches ${purpose}, and there is no python3 with pip`);
    });
    return python;
  }
  const root = await unpacked({ name: "pip", packages: ["python3-pip"], without: unneeded });
  const certificates = join(folder, "certificates.pem");
  writeFileSync(certificates, rootCertificates.join("\n"));
  // Debian's pip knows no certificates but the system's, and a bare Debian has none.
  const isBare = !existsSync("/etc/ssl/certs/ca-certificates.crt") && process.env.PIP_CERT === undefined;
  const environment = {
    LD_LIBRARY_PATH: libraryPath(root),
    PYTHONDONTWRITEBYTECODE: "1",
    ...(isBare ? { PIP_CERT: certificates } : {}),
  };
  const command = ["-u", "PYTHONHOME", join(root, "usr/bin/python3")];
  return (words, variables = {}) =>
    runTool("env", [...command, ...words], { variables: { ...environment, ...variables } });
}
