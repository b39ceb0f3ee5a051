/**
 * A machine for arm64 on whatever host: Debian's kernel for clouds in QEMU, and in its first root no more than busybox, the modules
 * and what a test brings. It runs one script and ends.
 */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unpack, unpacked } from "../../build/debian/packages.ts";
import { endChild, spawnBound } from "./bound-process.ts";
import { type CpioEntry, cpio, folderMode, programMode } from "./cpio.ts";
import { indexModules, kernelImage, kernelRelease, modulesInOrder } from "./kernel.ts";
import { layer } from "./packages.ts";
import { libraryPath } from "./process.ts";
import { machineError, makeRunFolder, removeRunFolder } from "./run-folder.ts";

const modules = ["dummy", "veth", "8021q", "ipvlan"];

/** Debian's smallest kernel for arm64, with its modules. @returns the root folder */
const kernelFolder = async (): Promise<string> => {
  const tools = await layer("kernel");
  return unpacked({
    name: "kernel-for-clouds",
    arch: "arm64",
    async finish(root, apt) {
      const name = await apt.realPackage("linux-image-cloud-arm64", "linux-image-");
      const folder = join(root, "../kernel");
      for (const file of await apt.downloadAlone([name], folder)) await unpack(file, root);
      rmSync(folder, { recursive: true });
      await indexModules(tools, root, kernelRelease(root));
    },
  });
};

/** QEMU for arm64, with the libraries and firmware of the one that the test machine has. */
async function emulator(): Promise<{ command: string[]; env: NodeJS.ProcessEnv }> {
  const root = await unpacked({ name: "qemu-system-arm", alone: ["qemu-system-arm"] });
  const firmware = join(await layer("qemu"), "usr/share/qemu");
  return {
    command: [join(root, "usr/bin/qemu-system-aarch64"), "-L", firmware],
    env: { LD_LIBRARY_PATH: libraryPath(await layer("qemu")) },
  };
}

/**
 * Runs a script of busybox's shell as root of an arm64 machine of its own.
 * @param files that it finds in the root folder, all executable
 * @returns what it printed, and its exit code
 * @throws Obstacle where the packages cannot be had; Error where it does not end in time
 */
export async function runOnArm64(
  script: string,
  files: Readonly<Record<string, Buffer>>,
  timeoutMs: number,
): Promise<{ output: string; code: number }> {
  const kernel = await kernelFolder();
  const busybox = await unpacked({ name: "busybox", arch: "arm64", alone: ["busybox-static"], documents: true });
  const { command, env } = await emulator();
  const folder = makeRunFolder({});
  try {
    const initrd = join(folder.path, "initramfs");
    const init = readFileSync(join(import.meta.dirname, "guest/arm64-init.sh"));
    const entries: CpioEntry[] = [
      ...["bin", "dev", "modules", "proc", "run", "sys"].map((path) => ({ path, mode: folderMode })),
      { path: "bin/busybox", mode: programMode, data: readFileSync(join(busybox, "usr/bin/busybox")) },
      { path: "init", mode: programMode, data: init },
      { path: "script.sh", mode: programMode, data: Buffer.from(script) },
      ...Object.entries(files).map(([path, data]) => ({ path, mode: programMode, data })),
      ...(await modulesInOrder(kernel, modules, await layer("kernel"))).map(({ name, data }, index) => ({
        path: `modules/${String(index).padStart(2, "0")}-${name}.ko`,
        mode: programMode,
        data,
      })),
    ];
    writeFileSync(initrd, cpio(entries));
    const qemu = spawnBound(
      [
        ...[...command, "-machine", "virt", "-cpu", "cortex-a57", "-smp", "1", "-m", "512M"],
        ...["-nodefaults", "-no-reboot", "-display", "none", "-monitor", "none", "-serial", "file:console.log"],
        ...["-kernel", kernelImage(kernel), "-initrd", initrd, "-append", "console=ttyAMA0 panic=-1 quiet"],
      ],
      { cwd: folder.path, env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "ignore"] },
    );
    qemu.ref();
    const timer = setTimeout(() => endChild(qemu), timeoutMs);
    await new Promise((resolve, reject) => qemu.once("exit", resolve).once("error", reject));
    clearTimeout(timer);
    const output = readFileSync(folder.console, "utf8").replaceAll("\r", "");
    const ended = /^script ended with (\d+)$/m.exec(output);
    if (ended === null) throw machineError(folder, `the script did not end within ${timeoutMs / 1000} s`);
    return { output: output.slice(0, ended.index), code: Number(ended[1]) };
  } finally {
    removeRunFolder(folder);
  }
}
