/** The first root of the virtual machine: busybox, guest/init.sh and the modules to reach the host's files. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CpioEntry, cpio, folderMode, programMode } from "./cpio.ts";
import { modulesInOrder } from "./kernel.ts";
import { memoryFiles } from "./memory-files.ts";

/** Loaded before anything else: the bus, the channel, and what the guest's root is made of. */
const bootModules = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"];

/** The initramfs, from busybox and a kernel's modules in the root folders of two layers. */
export async function initramfs(base: string, kernel: string): Promise<Buffer> {
  const inMemory = await memoryFiles([base, "/"]);
  const modules = await modulesInOrder(kernel, bootModules);
  const folders = ["bin", "dev", "host", "layers", "memory", "modules", "new", "over", "proc", "share", "sys"];
  const entries: CpioEntry[] = [
    ...folders.map((path) => ({ path, mode: folderMode })),
    { path: "bin/busybox", mode: programMode, data: readFileSync(join(base, "usr/bin/busybox")) },
    { path: "init", mode: programMode, data: readFileSync(join(import.meta.dirname, "guest/init.sh")) },
    // The init loads them in the order of their names.
    ...modules.map(({ name, data }, index) => ({
      path: `modules/${String(index).padStart(2, "0")}-${name}.ko`,
      mode: programMode,
      data,
    })),
    ...inMemory.map((entry) => ({ ...entry, path: `memory/${entry.path}` })),
  ];
  return cpio(entries);
}
