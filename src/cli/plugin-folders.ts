import { foldersOf } from "../cni/environment.ts";
import { fileStatus } from "../system/files.ts";

/** Where runtimes and distributions keep plugins. */
const usual = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

/** @param path folders with colons between them; undefined: the usual ones that this host has */
export function pluginFolders(path: string | undefined): readonly string[] {
  if (path !== undefined && path !== "") return foldersOf(path);
  return usual.filter((folder) => fileStatus(folder)?.isFolder);
}
