import { fileStatus, readText } from "../system/files.ts";

export type Presence = "loaded" | "built-in" | "module" | "absent";

/** Of a kernel's module: in use, part of the kernel, to be loaded when it is needed, or not there. */
export function presenceOf(module: string, release: string): Presence {
  const name = module.replaceAll("-", "_");
  const folder = `/lib/modules/${release}`;
  const has = (list: string): boolean =>
    (readText(`${folder}/${list}`) ?? "").split("\n").some((line) => {
      const path = line.split(":")[0] as string;
      return (path.split("/").at(-1) ?? "").replaceAll("-", "_").split(".")[0] === name;
    });
  // A built-in one has a folder there, too, if it has parameters.
  if ((readText("/proc/modules") ?? "").split("\n").some((line) => line.split(" ")[0] === name)) return "loaded";
  if (has("modules.builtin") || fileStatus(`/sys/module/${name}`) !== undefined) return "built-in";
  return has("modules.dep") ? "module" : "absent";
}

export function kernelRelease(): string {
  return readText("/proc/sys/kernel/osrelease")?.trim() ?? "unknown";
}
