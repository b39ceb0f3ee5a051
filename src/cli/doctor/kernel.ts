import { PluginError } from "../../errors.ts";
import { requireIpvlan } from "../../link/ipvlan.ts";
import { fileStatus, readText } from "../../system/files.ts";
import { kernelRelease, presenceOf } from "../kernel.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** linux/capability.h */
const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;

/** The rights without which nothing can be looked at. */
export function checkRights(): HostFinding | undefined {
  const [, capabilities = "0"] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText("/proc/self/status") ?? "") ?? [];
  const has = (capability: bigint): boolean => ((BigInt(`0x${capabilities}`) >> capability) & 1n) === 1n;
  if (has(CAP_NET_ADMIN) && has(CAP_SYS_ADMIN)) return undefined;
  return {
    id: "no-rights",
    severity: "error",
    place: "this process",
    message: "CAP_NET_ADMIN and CAP_SYS_ADMIN are missing, and without them nothing can be looked at",
    mend: "sudo ipvlan doctor",
  };
}

/** The kernel, its modules and what else it has to offer. */
export function checkKernel({ host, networks, links }: Patient): HostFinding[] {
  const findings: HostFinding[] = [];
  const release = kernelRelease();
  const place = `kernel ${release}`;
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (Number(major) * 1000 + Number(minor) < 4015) {
    findings.push({
      id: "kernel-old",
      severity: "error",
      place,
      message: "flags of ipvlan came with Linux 4.15: use a newer kernel",
    });
  }
  try {
    requireIpvlan(host);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    findings.push({
      id: "ipvlan-missing",
      severity: "error",
      place,
      message: "it has no ipvlan, neither built in nor as a module",
      mend: "modprobe ipvlan",
    });
  }
  const config = readText(`/boot/config-${release}`);
  const usesL3s = networks.some(({ config: { mode } }) => mode === "l3s");
  if (usesL3s && config !== undefined && !/^CONFIG_IPVLAN_L3S=y$/m.test(config)) {
    findings.push({
      id: "l3s-missing",
      severity: "error",
      place,
      message: "a network has the mode l3s, and CONFIG_IPVLAN_L3S is off: use mode l3, or another kernel",
    });
  }
  const isMade = (name: string) => !links.some((link) => link.name === name);
  const needed = new Map<string, string>();
  for (const {
    config: { name, parent },
  } of networks) {
    if (parent.kind === "dummy" && isMade(parent.name)) needed.set("dummy", name);
    if (parent.kind === "named" && parent.vlan !== undefined && isMade(parent.name)) needed.set("8021q", name);
  }
  for (const [module, network] of needed) {
    if (presenceOf(module, release) !== "absent" || fileStatus(`/lib/modules/${release}`) === undefined) continue;
    findings.push({
      id: "module-missing",
      severity: "error",
      place,
      message: `network ${network} needs the kernel's module ${module}, and there is none`,
      mend: `modprobe ${module}`,
    });
  }
  const hasV6 = networks.some(
    ({ config: { ipam } }) => ipam.type === "builtin" && ipam.subnets.some(({ subnet }) => subnet.address.family === 6),
  );
  if (hasV6 && fileStatus("/proc/sys/net/ipv6") === undefined) {
    findings.push({
      id: "ipv6-missing",
      severity: "error",
      place,
      message: "a network has an IPv6 subnet, and the kernel was started without IPv6 (ipv6.disable=1)",
    });
  }
  return findings;
}
