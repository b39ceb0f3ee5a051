/**
 * The programs of the test machine: Debian packages, unpacked into layers that lie over the host's own root.
 *
 * A layer holds all that a bare Debian lacks, whatever is installed on the host. Nothing is installed: packages are
 * downloaded and unpacked into the cache.
 */

import { existsSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type Apt, debianArch } from "../../build/debian/apt.ts";
import { type PackageSet, unpack, unpacked } from "../../build/debian/packages.ts";
import { Obstacle } from "../../build/obstacle.ts";
import { type Arch, hostArch } from "../../build/runtimes.ts";
import { indexModules, kernelRelease, unpackKernel } from "./kernel.ts";

/**
 * - `base`: what the kernel tests run.
 * - `runtimes`: container runtimes; big, so only fetched when asked for.
 * - `firewalld`: the firewall of Fedora and its kin, and the bus that it is spoken to on.
 * - `kernel`: Debian's kernel and its modules, for the virtual machine.
 * - `qemu`: the emulator, run on the host.
 * - `arm64-libraries`: what programs of Node for arm64 need of a system.
 * - `shellcheck`: run on the host.
 * - `etcd`: run on the host.
 * - `shells`: other than the host's own; run there.
 * - `network-tools`: what Kubernetes' own suite runs in its pods.
 */
export type Group =
  | "base"
  | "runtimes"
  | "firewalld"
  | "kernel"
  | "qemu"
  | "arm64-libraries"
  | "shellcheck"
  | "shells"
  | "etcd"
  | "network-tools";

/** What a test machine has besides the base where a test asks for it. */
export type GuestGroup = Extract<Group, "runtimes" | "firewalld">;

const groups: Record<Group, Omit<PackageSet, "name">> = {
  base: {
    packages: [
      "bird2",
      "busybox-static",
      "conntrack",
      "containernetworking-plugins",
      "dnsmasq-base",
      "ethtool",
      "frr",
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
    finish: async (root) => addAlternatives(root),
    layout: 1,
  },
  runtimes: { packages: ["containerd", "crun", "netavark", "podman", "runc"] },
  firewalld: { packages: ["dbus-daemon", "firewalld"] },
  // The kernel itself comes besides these.
  kernel: { packages: ["kmod", "xz-utils"], finish: (root, apt) => addKernel(root, apt, hostArch), layout: 1 },
  qemu: { packages: ["qemu-system-x86"] },
  "arm64-libraries": {
    packages: ["libatomic1-arm64-cross", "libc6-arm64-cross", "libstdc++6-arm64-cross"],
  },
  shellcheck: { packages: ["shellcheck"] },
  etcd: { packages: ["etcd-server"] },
  shells: { packages: ["fish", "zsh"] },
  "network-tools": { packages: ["bash", "bind9-dnsutils", "curl", "libc-bin", "netcat-openbsd"] },
};

/** The root folder of a group's layer, fetched now if the cache does not have it. */
export const layer = (group: Group): Promise<string> => unpacked({ name: group, ...groups[group] });

/** The drivers a virtual machine without hardware can use; the others are two thirds of the modules' size. */
const usedDrivers = ["block", "char", "net", "vhost", "virtio"];
const unusedModules = ["sound", "drivers/net/ethernet", "drivers/net/wireless"];

/** Adds the kernel's files alone: its package depends on tools for making an initramfs, which is our own here. */
async function addKernel(root: string, apt: Apt, arch: Arch): Promise<void> {
  if (arch !== "x64") {
    throw new Obstacle(
      `the virtual test machine is made for x64 hosts only; on ${arch}, run the kernel tests as root ` +
        "on a kernel that has ipvlan, dummy, 8021q, veth and bridge",
    );
  }
  const name = await apt.realPackage(`linux-image-${debianArch(arch)}`, "linux-image-");
  const folder = join(root, "../kernel");
  for (const file of await apt.downloadAlone([name], folder)) await unpack(file, root);
  rmSync(folder, { recursive: true });
  const release = kernelRelease(root);
  const modules = join(root, "usr/lib/modules", release, "kernel");
  const drivers = readdirSync(join(modules, "drivers")).filter((driver) => !usedDrivers.includes(driver));
  for (const unused of [...unusedModules, ...drivers.map((driver) => join("drivers", driver))]) {
    rmSync(join(modules, unused), { recursive: true, force: true });
  }
  await indexModules(root, root, release);
  await unpackKernel(root);
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
