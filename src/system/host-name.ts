import { readText } from "./files.ts";

/** The host's name as the kernel has it; empty where there is none. */
export function hostName(): string {
  const name = readText("/proc/sys/kernel/hostname")?.trim() ?? "";
  return name === "(none)" ? "" : name;
}
