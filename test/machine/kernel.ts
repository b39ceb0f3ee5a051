/** The kernel of the virtual machine: its image and the modules it needs before it sees a root. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { must, programOf, type RunResult, run } from "./process.ts";

/** The release, as `uname -r` shows it, of the kernel in a layer's root folder. */
export function kernelRelease(root: string): string {
  const [release] = readdirSync(join(root, "usr/lib/modules"));
  if (release === undefined) {
    throw new Error(`no kernel modules in ${root}; delete that folder`);
  }
  return release;
}

/** The kernel image to boot: the unpacked one if {@link unpackKernel} could make it. */
export function kernelImage(root: string): string {
  const boot = join(root, "boot");
  const names = readdirSync(boot);
  const image = names.find((name) => name.startsWith("vmlinux-")) ?? names.find((name) => name.startsWith("vmlinuz-"));
  if (image === undefined) {
    throw new Error(`no kernel in ${boot}; delete ${root}`);
  }
  return join(boot, image);
}

const elfMagic = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

/**
 * Takes the ELF kernel out of Debian's self-unpacking image and lays it beside that.
 *
 * QEMU starts an ELF kernel directly (through its PVH entry), which saves unpacking it in the emulated machine: 3 of 5
 * seconds of the boot. An image packed in a way that is not known here is left as it is, and boots more slowly.
 */
export async function unpackKernel(root: string): Promise<void> {
  const packed = readFileSync(kernelImage(root));
  const unpackers: [magic: number[], unpack: (data: Buffer) => Promise<Buffer>][] = [
    // The payload has other bytes after it, so xz reports an error behind all of the data.
    [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], async (data) => (await unxz(root, data)).stdout],
    [[0x1f, 0x8b, 0x08], async (data) => gunzipSync(data)],
    [[0x28, 0xb5, 0x2f, 0xfd], async (data) => zstdDecompressSync(data)],
  ];
  for (const [magic, unpack] of unpackers) {
    const start = packed.indexOf(Buffer.from(magic), 0x4000);
    const image = start < 0 ? undefined : await unpack(packed.subarray(start)).catch(() => undefined);
    if (image?.subarray(0, 4).equals(elfMagic)) {
      writeFileSync(join(root, "boot", `vmlinux-${kernelRelease(root)}`), image);
      return;
    }
  }
}

/**
 * Writes modprobe's index, with kmod's own depmod: that of busybox leaves out the part that kmod reads.
 * @param tools the root folder that has kmod
 */
export async function indexModules(tools: string, root: string, release: string): Promise<void> {
  const depmod = programOf(tools, "kmod");
  await must(depmod.path, ["-b", root, release], { env: depmod.env, name: "depmod" });
}

/**
 * The files of modules and all that they depend on, uncompressed, in the order in which they must be loaded.
 * Names that are no module of this kernel are taken to be built in.
 *
 * @param tools the root folder that has xz
 */
export async function modulesInOrder(
  root: string,
  names: readonly string[],
  tools: string = root,
): Promise<{ name: string; data: Buffer }[]> {
  const folder = join(root, "usr/lib/modules", kernelRelease(root));
  const needs = new Map<string, { path: string; deepestLast: string[] }>();
  for (const line of readFileSync(join(folder, "modules.dep"), "utf8").split("\n")) {
    const [path, rest] = line.split(":");
    if (path !== undefined && rest !== undefined) {
      needs.set(moduleName(path), { path, deepestLast: rest.split(" ").filter((other) => other !== "") });
    }
  }
  const paths = new Set<string>();
  for (const name of names) {
    const found = needs.get(name);
    for (const path of found ? [...found.deepestLast.toReversed(), found.path] : []) {
      paths.add(path);
    }
  }
  return Promise.all(
    [...paths].map(async (path) => {
      const data = readFileSync(join(folder, path));
      return {
        name: moduleName(path),
        data: path.endsWith(".xz") ? (await unxz(tools, data)).stdout : data,
      };
    }),
  );
}

function unxz(root: string, data: Buffer): Promise<RunResult> {
  // Not busybox: it does not know all filters that the kernel's image is packed with.
  const xz = programOf(root, "xz");
  return run(xz.path, ["--decompress", "--stdout"], { input: data, env: xz.env });
}

function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}
