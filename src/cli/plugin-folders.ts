import { fileStatus } from "../system/files.ts";

/** Where runtimes and distributions keep plugins. */
const usual = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

/** @param path folders with colons between them; undefined: the usual ones that this host has */
export function pluginFolders(path: string | undefined): readonly string[] {
  if (path !== undefined && path !== "") return path.split(":").filter((folder) => folder !== "");
  return usual.filter((folder) => fileStatus(folder)?.isFolder);
}

/** The program that a runtime starts for this type: the first of that name. */
export function findPlugin(folders: readonly string[], type: string): string | undefined {
  return folders.map((folder) => `${folder}/${type}`).find((file) => fileStatus(file)?.isFolder === false);
}
