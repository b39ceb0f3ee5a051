import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { at } from "./paths.ts";
import { runTool } from "./run-tool.ts";

export interface DebianPackage {
  /** Debian's name of it: amd64, arm64. */
  architecture: string;
  version: string;
  executable: string;
}

/**
 * A Debian package that puts the plugin where Debian's runtimes look for it. The reference plugin of that name, of the
 * package containernetworking-plugins, steps aside as long as this one is installed (dpkg-divert).
 */
export async function buildDebianPackage(output: string, wanted: DebianPackage): Promise<void> {
  const folder = mkdtempSync(join(dirname(output), ".deb-"));
  try {
    const documents = join(folder, "usr/share/doc/ipvlan-cni");
    const schemas = join(folder, "usr/share/ipvlan-cni/schemas");
    for (const made of ["DEBIAN", "usr/lib/cni"]) mkdirSync(join(folder, made), { recursive: true });
    cpSync(wanted.executable, join(folder, "usr/lib/cni/ipvlan"));
    cpSync(at("README.md"), join(documents, "README.md"));
    cpSync(at("CHANGELOG.md"), join(documents, "CHANGELOG.md"));
    cpSync(at("conf-examples"), join(documents, "examples"), { recursive: true });
    cpSync(at("schemas"), schemas, { recursive: true });
    writeFileSync(join(documents, "copyright"), copyright);
    writeFileSync(join(folder, "DEBIAN/control"), controlOf(wanted));
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(join(folder, "DEBIAN", name), script);
      chmodSync(join(folder, "DEBIAN", name), 0o755);
    }
    // Whatever the umask of whoever builds it.
    await runTool("chmod", ["-R", "u=rwX,go=rX", folder]);
    await runTool("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z6", "--build", folder, output]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const controlOf = ({ architecture, version }: DebianPackage): string => `Package: ipvlan-cni
Version: ${version}
Architecture: ${architecture}
Maintainer: The ipvlan-cni authors <ipvlan-cni@localhost>
Depends: libc6 (>= 2.17)
Enhances: containerd, cri-o, podman
Section: net
Priority: optional
Description: CNI plugin for IPvlan networks
 Gives containers an interface straight on a network device of the host: no
 bridge, no NAT, one MAC address. Modes L2, L3 and L3S, 802.1Q sub-interfaces,
 isolated networks, IPv4 and IPv6, a built-in address allocator.
 .
 It takes the place of the plugin "ipvlan" of containernetworking-plugins, which
 stays as ipvlan.reference and comes back when this package is removed.
`;

const diversion = "--package ipvlan-cni --rename --divert /usr/lib/cni/ipvlan.reference";

const scripts = {
  preinst: `#!/bin/sh
set -e
case $1 in
  install | upgrade) dpkg-divert ${diversion} --add /usr/lib/cni/ipvlan ;;
esac
`,
  postrm: `#!/bin/sh
set -e
case $1 in
  remove | abort-install | disappear) dpkg-divert ${diversion} --remove /usr/lib/cni/ipvlan ;;
esac
`,
};

const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ipvlan-cni

Files: *
Copyright: The ipvlan-cni authors
License: Apache-2.0
 On Debian systems, the text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.

Files: usr/lib/cni/ipvlan
Copyright: The ipvlan-cni authors; the Bun authors and those of what it contains
License: Apache-2.0 and MIT
 The executable contains Bun, https://bun.com, which is under the MIT license and
 contains parts under other licenses: see its LICENSE.md.
`;
