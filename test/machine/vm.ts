/** The virtual machine: QEMU with Debian's kernel, by software emulation. */

import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endChild, hasEnded, spawnBound } from "./bound-process.ts";
import { connect, createChannel } from "./channel.ts";
import { initramfs } from "./initramfs.ts";
import { kernelImage } from "./kernel.ts";
import { type Group, layer } from "./packages.ts";
import { libraryPath } from "./process.ts";
import { machineError, makeRunFolder, type RunFolder, removeRunFolder } from "./run-folder.ts";

export interface VmOptions {
  /** Groups of packages in the guest besides `base`. */
  groups?: readonly Group[];
  /** Default 2. */
  processors?: number;
  /** With all that the kernel does for safety by default, as users have it: for measuring. */
  stock?: boolean;
  /** More for the kernel's command line. */
  kernelArguments?: string;
  /** The guest's name; `ipvlan-test` by default. */
  hostname?: string;
  /** More devices: QEMU's arguments for them. */
  devices?: readonly string[];
  /** Modules that are loaded besides those of {@link guestModules}. */
  modules?: readonly string[];
  /** As QEMU takes it; 2G by default. */
  memory?: string;
  /** How long the boot may take until it counts as failed, in milliseconds; 120 s, some 40 times the usual. */
  bootTimeoutMs?: number;
}

export interface Vm {
  folder: RunFolder;
  /** Milliseconds from the start of QEMU to the agent's first answer. */
  bootTime: number;
  /**
   * Ends the machine, by force: an orderly power-off would take longer and keep nothing, since the guest's files are in
   * its memory, and what it wrote to the shared folder is there.
   */
  stop(): Promise<void>;
}

/** Loaded in the guest from the start; all others of its kernel can be loaded with modprobe. */
const guestModules = "ipvlan dummy 8021q veth bridge macvlan";

/** Boots a machine and waits until its agent answers; rejects with the last lines of its console if it does not. */
export async function bootVm(options: VmOptions = {}): Promise<Vm> {
  // One after the other, so that the lines of progress do not mix.
  const program = await emulator();
  const kernel = await layer("kernel");
  const base = await layer("base");
  const layers = [base, kernel];
  for (const group of options.groups ?? []) {
    layers.push(await layer(group));
  }
  const folder = makeRunFolder({
    layers: String(layers.length),
    modules: [guestModules, ...(options.modules ?? [])].join(" "),
    channel: "port",
    ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
  });
  const initrd = join(folder.path, "initramfs");
  writeFileSync(initrd, await initramfs(base, kernel));
  const started = performance.now();
  const qemu = start(program, folder, [
    ...machineArguments(options.processors ?? 2, options.memory ?? "2G"),
    ...(options.devices ?? []),
    // Each through a share of its own: overlay takes no two folders of which one is inside the other.
    ...layers.flatMap((path, index) => readOnlyShare(path, `layer${index}`)),
    ...["-kernel", kernelImage(kernel), "-initrd", initrd],
    ...["-append", [kernelArguments, options.stock ? "" : fasterKernel, options.kernelArguments ?? ""].join(" ")],
  ]);
  const stop = async () => {
    await endChild(qemu);
    removeRunFolder(folder);
  };
  try {
    await untilAnswering(qemu, folder, options.bootTimeoutMs ?? 120_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return { folder, bootTime: performance.now() - started, stop };
}

/**
 * - panic=-1: with QEMU's -no-reboot, a panic ends QEMU at once, and that is how the host sees it. oops=panic: nothing
 *   that is tested after a failure in the kernel could be trusted.
 * - norandmaps: the emulator keeps what it translated of a program only as long as it stays at its address. With
 *   randomised addresses every process start takes three times as long.
 * - no_timer_check: the kernel counts the timer's ticks at boot, and panics ("IO-APIC + timer doesn't work!") where a busy host
 *   lets the emulator miss them.
 */
const kernelArguments = "console=ttyS0 panic=-1 oops=panic quiet norandmaps no_timer_check";

/** What costs a tenth of the time in all, and protects nothing here. */
const fasterKernel = "mitigations=off init_on_alloc=0 nosmap nosmep audit=0 apparmor=0";

function machineArguments(processors: number, memory: string): string[] {
  const env = process.env;
  const accelerator = env.IPVLAN_TEST_ACCEL || "tcg,thread=multi,tb-size=512";
  return [
    ...["-machine", "q35", "-accel", accelerator],
    // All that is emulated, for programs built for newer processors, except for the fifth level of page tables.
    ...["-cpu", accelerator.startsWith("kvm") ? "host" : "max,la57=off"],
    ...["-smp", env.IPVLAN_TEST_CPUS || String(processors), "-m", env.IPVLAN_TEST_MEMORY || memory],
    ...["-nodefaults", "-no-reboot", "-display", "none", "-monitor", "none"],
    ...["-serial", "file:console.log"],
    ...readOnlyShare("/", "root"),
    ...["-virtfs", "local,path=share,mount_tag=share,security_model=none,multidevs=remap"],
    ...["-device", "virtio-serial-pci"],
    // Servers, so that one client can come after another. Relative to the run folder, since a socket's path is short.
    ...["-chardev", "socket,id=terminal,path=terminal,server=on,wait=off", "-device", "virtconsole,chardev=terminal"],
    ...["-chardev", "socket,id=channel,path=channel,server=on,wait=off"],
    ...["-device", "virtserialport,chardev=channel,nr=1"],
  ];
}

function readOnlyShare(path: string, tag: string): string[] {
  // QEMU's options end at a comma, unless it is doubled.
  const quoted = path.replaceAll(",", ",,");
  return ["-virtfs", `local,path=${quoted},mount_tag=${tag},security_model=none,multidevs=remap,readonly=on`];
}

/** QEMU of the cache, with its own libraries and firmware: one version for all, whatever the host has or gets meanwhile. */
async function emulator(): Promise<{ command: string[]; env: NodeJS.ProcessEnv }> {
  const root = await layer("qemu");
  const firmware = ["usr/share/qemu", "usr/share/seabios"].flatMap((folder) => ["-L", join(root, folder)]);
  return {
    command: [join(root, "usr/bin/qemu-system-x86_64"), ...firmware],
    env: { LD_LIBRARY_PATH: libraryPath(root) },
  };
}

type Emulator = Awaited<ReturnType<typeof emulator>>;

function start({ command, env }: Emulator, folder: RunFolder, args: readonly string[]): ChildProcess {
  const log = openSync(folder.emulator, "w");
  const child = spawnBound([...command, ...args], {
    cwd: folder.path,
    env: { ...process.env, ...env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.on("error", (error) => writeFileSync(folder.emulator, String(error)));
  return child;
}

async function untilAnswering(qemu: ChildProcess, folder: RunFolder, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const wire = await connect(folder.socket).catch(() => undefined);
    if (wire !== undefined) {
      const explain = (seen: string) => machineError(folder, `${seen} while it booted`);
      const channel = createChannel(wire, folder.share, explain);
      try {
        await channel.hello(Math.max(deadline - performance.now(), 0));
        return;
      } finally {
        channel.close();
      }
    }
    if (hasEnded(qemu)) {
      throw machineError(folder, "QEMU ended at its start");
    }
    if (performance.now() > deadline) {
      throw machineError(folder, `QEMU did not start within ${timeoutMs / 1000} s`);
    }
    await sleep(20);
  }
}
