import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** The path of a program of the machine, looked for on PATH and in the folders of the administrator's programs. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(":").filter((folder) => folder.startsWith("/"));
  return [...folders, "/usr/sbin", "/usr/bin", "/sbin", "/bin"].map((folder) => join(folder, name)).find(isExecutable);
}

export const hasProgram = (name: string): boolean => findProgram(name) !== undefined;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
