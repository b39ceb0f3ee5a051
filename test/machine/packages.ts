/**
 * The programs of the test machine: Debian packages, unpacked into layers that lie over the host's own root.
 *
 * A layer holds what the host lacks. Nothing is installed: packages are downloaded and unpacked into the cache.
 */

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { architecture, download, downloadAlone, realPackage } from "./apt.ts";
import { kernelRelease, unpackKernel } from "./kernel.ts";
import { locked } from "./lock.ts";
import { cache, shortHash } from "./paths.ts";
import { findProgram, must, programOf, progress, run } from "./process.ts";

/**
 * - `base`: what the kernel tests run.
 * - `runtimes`: container runtimes; big, so only fetched when asked for.
 * - `kernel`: Debian's kernel and its modules, for the virtual machine.
 * - `qemu`: the emulator, run on the host.
 * - `arm64`: an emulator for single programs and what they need of a system, run on the host.
 * - `shellcheck`: run on the host.
 */
export type Group = "base" | "runtimes" | "kernel" | "qemu" | "arm64" | "shellcheck";

const packages: Record<Group, readonly string[]> = {
  base: [
    "busybox-static",
    "conntrack",
    "containernetworking-plugins",
    "dnsmasq-base",
    "ethtool",
    "iproute2",
    "iptables",
    "iputils-arping",
    "iputils-ping",
    "kmod",
    "nftables",
    "procps",
    "strace",
    "tcpdump",
    "util-linux",
  ],
  runtimes: ["containerd", "crun", "netavark", "podman", "runc"],
  // The kernel itself comes besides these, see addKernel.
  kernel: ["kmod", "xz-utils"],
  qemu: ["qemu-system-x86"],
  arm64: ["libatomic1-arm64-cross", "libc6-arm64-cross", "libstdc++6-arm64-cross", "qemu-user-static"],
  shellcheck: ["shellcheck"],
};

/** Raised when what is done to the unpacked files changes, so that caches from before are made again. */
const layout = 3;

/** The drivers a virtual machine without hardware can use; the others are two thirds of the modules' size. */
const usedDrivers = ["block", "char", "net", "vhost", "virtio"];
const unusedModules = ["sound", "drivers/net/ethernet", "drivers/net/wireless"];

/** The root folder of a group's layer, fetched now if the cache does not have it. */
export async function layer(group: Group): Promise<string> {
  const key = shortHash(JSON.stringify([layout, group, packages[group], await installedOf(packages[group])]));
  // A machine of another checkout, whose packages are others, may be running on its own layer of the same cache.
  const folder = join(cache, `${group}-${key}`);
  const done = () => existsSync(join(folder, "stamp"));
  if (!done()) {
    await locked(folder, async () => {
      if (!done()) {
        await fetchLayer(group, folder);
      }
    });
  }
  return join(folder, "root");
}

/**
 * Builds the layer beside its place and moves it there whole, the stamp inside: a run that is killed leaves nothing
 * that a later one would believe.
 */
async function fetchLayer(group: Group, folder: string): Promise<void> {
  const building = `${folder}.new`;
  rmSync(building, { recursive: true, force: true });
  const root = join(building, "root");
  makeMergedRoot(root);
  progress(`fetching packages (${group}) into ${folder}`);
  for (const file of await download(packages[group], join(building, "debs"))) {
    await unpack(file, root);
  }
  if (group === "kernel") {
    await addKernel(building, root);
  }
  addAlternatives(root);
  for (const junk of ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian"]) {
    rmSync(join(root, junk), { recursive: true, force: true });
  }
  rmSync(join(building, "debs"), { recursive: true, force: true });
  writeFileSync(join(building, "stamp"), "");
  rmSync(folder, { recursive: true, force: true });
  renameSync(building, folder);
  progress(`packages (${group}) are ready`);
}

/**
 * Unpacks a package into a merged-/usr tree. `dpkg-deb -x` would put a folder where the tree has the link /bin or /lib.
 */
async function unpack(file: string, root: string): Promise<void> {
  const pipe = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"';
  await must("sh", ["-c", pipe, "sh", file, root]);
}

/** Makes /bin, /lib and so on the links that they are on a merged-/usr host. */
function makeMergedRoot(root: string): void {
  mkdirSync(root, { recursive: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(root, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
}

/** Adds the kernel's files alone: its package depends on tools for making an initramfs, which is our own here. */
async function addKernel(building: string, root: string): Promise<void> {
  const arch = await architecture();
  if (arch !== "amd64") {
    throw new Error(
      `the virtual test machine is made for amd64 hosts only; on ${arch}, run the kernel tests as root ` +
        "on a kernel that has ipvlan, dummy, 8021q, veth and bridge",
    );
  }
  const name = await realPackage(`linux-image-${arch}`, "linux-image-");
  for (const file of await downloadAlone([name], join(building, "kernel"))) {
    await unpack(file, root);
  }
  rmSync(join(building, "kernel"), { recursive: true });
  const release = kernelRelease(root);
  const modules = join(root, "usr/lib/modules", release, "kernel");
  const drivers = readdirSync(join(modules, "drivers")).filter((driver) => !usedDrivers.includes(driver));
  for (const unused of [...unusedModules, ...drivers.map((driver) => join("drivers", driver))]) {
    rmSync(join(modules, unused), { recursive: true, force: true });
  }
  await indexModules(root, release);
  await unpackKernel(root);
}

/** Writes modprobe's index, with kmod's own depmod: that of busybox leaves out the part that kmod reads. */
async function indexModules(root: string, release: string): Promise<void> {
  const depmod = programOf(root, "kmod");
  await must(depmod.path, ["-b", root, release], { env: depmod.env, name: "depmod" });
}

/** The links that the packages' own scripts would have made through update-alternatives. */
function addAlternatives(root: string): void {
  for (const family of ["iptables", "ip6tables"]) {
    for (const suffix of ["", "-save", "-restore"]) {
      const link = join(root, "usr/sbin", family + suffix);
      if (!existsSync(link) && existsSync(join(root, "usr/sbin", `${family}-nft${suffix}`))) {
        symlinkSync(`${family}-nft${suffix}`, link);
      }
    }
  }
}

/** Those of `names` that are installed here: a layer made while one was installed lacks it once it is removed. */
async function installedOf(names: readonly string[]): Promise<string[]> {
  if (findProgram("dpkg-query") === undefined) {
    return [];
  }
  // Lines of a name, a tab and, for what is installed, the version.
  const shown = (await run("dpkg-query", ["--show", ...names])).stdout.toString();
  const installed = new Set([...shown.matchAll(/^(\S+)\t\S/gm)].map(([, name]) => name));
  return names.filter((name) => installed.has(name));
}
