import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { scripts as completions } from "../src/cli/completion-scripts.ts";
import { type Component, thirdPartyText } from "./components.ts";
import { type Layout, layOutDocuments } from "./documents.ts";
import { manPage } from "./man-page.ts";
import { setTimes } from "./packing.ts";
import { at } from "./paths.ts";
import { runTool } from "./run-tool.ts";

export interface DebianPackage {
  /** Debian's name of it: amd64, arm64. */
  architecture: string;
  version: string;
  /** The plugin, and what lies beside it. */
  executables: readonly string[];
  components: readonly Component[];
  /** The bill of materials. */
  sbom: string;
  /** Of all files, in seconds since 1970. */
  time: number;
}

const documents = "usr/share/doc/ipvlan-cni";

/** Where Debian's policy wants documents. */
const layout: Layout = {
  "README.md": `${documents}/README.md`,
  "CHANGELOG.md": `${documents}/CHANGELOG.md`,
  docs: `${documents}/docs`,
  "conf-examples": `${documents}/examples`,
  "build/kubernetes": `${documents}/kubernetes`,
  schemas: "usr/share/ipvlan-cni/schemas",
};

/**
 * A Debian package that puts the plugin where Debian's runtimes look for it. The reference plugin of that name, of the
 * package containernetworking-plugins, steps aside as long as this one is installed (dpkg-divert).
 */
export async function buildDebianPackage(output: string, wanted: DebianPackage): Promise<void> {
  const folder = mkdtempSync(join(dirname(output), ".deb-"));
  try {
    for (const made of ["DEBIAN", "usr/lib/cni"]) mkdirSync(join(folder, made), { recursive: true });
    for (const path of wanted.executables) cpSync(path, join(folder, "usr/lib/cni", basename(path)));
    layOutCommandLine(folder, wanted.version);
    layOutDocuments(folder, layout);
    writeFileSync(join(folder, documents, "sbom.cdx.json"), wanted.sbom);
    writeFileSync(join(folder, documents, "copyright"), copyrightOf(wanted.components));
    writeFileSync(join(folder, "DEBIAN/control"), controlOf(wanted));
    for (const [name, script] of Object.entries(scripts())) {
      writeFileSync(join(folder, "DEBIAN", name), script);
      chmodSync(join(folder, "DEBIAN", name), 0o755);
    }
    // Whatever the umask of whoever builds it.
    await runTool("chmod", ["-R", "u=rwX,go=rX", folder]);
    await setTimes(folder, wanted.time);
    const variables = { SOURCE_DATE_EPOCH: String(wanted.time) };
    await runTool("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z6", "--build", folder, output], { variables });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Where each shell looks for completions. */
const completionFiles = {
  bash: "usr/share/bash-completion/completions/ipvlan",
  zsh: "usr/share/zsh/vendor-completions/_ipvlan",
  fish: "usr/share/fish/vendor_completions.d/ipvlan.fish",
};

/** The plugin on the path of whoever calls it by hand, its man page, and completions. */
function layOutCommandLine(folder: string, version: string): void {
  const put = (path: string, contents: string | Uint8Array): void => {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), contents);
  };
  mkdirSync(join(folder, "usr/sbin"), { recursive: true });
  symlinkSync("../lib/cni/ipvlan", join(folder, "usr/sbin/ipvlan"));
  put("usr/share/man/man8/ipvlan.8.gz", gzipSync(manPage(version), { level: 9 }));
  for (const [shell, path] of Object.entries(completionFiles)) put(path, `${completions[shell]}\n`);
}

const controlOf = ({ architecture, version }: DebianPackage): string => `Package: ipvlan-cni
Version: ${version}
Architecture: ${architecture}
Maintainer: The ipvlan-cni authors <ipvlan-cni@localhost>
Recommends: libatomic1, libc6 (>= 2.28), libgcc-s1, libstdc++6
Enhances: containerd, cri-o, podman
Section: net
Priority: optional
Description: CNI plugin for IPvlan networks
 Gives containers an interface straight on a network device of the host: no
 bridge, no NAT, one MAC address. Modes L2, L3 and L3S, 802.1Q sub-interfaces,
 isolated networks, IPv4 and IPv6, a built-in address allocator.
 .
 One pool of addresses over many nodes (ipam.cluster) is asked for by a second
 program, ipvlan-node, which alone needs the recommended libraries.
 .
 It takes the place of the plugin "ipvlan" of containernetworking-plugins, which
 stays as ipvlan.reference and comes back when this package is removed.
`;

const diversion = "--package ipvlan-cni --rename --divert /usr/lib/cni/ipvlan.reference";

/** What the installer knows of the plugin's leavings, as functions of a script. */
function leavings(): string {
  const begin = "# What the plugin leaves below $root.";
  const [, functions] = /^# What the plugin leaves[^\n]*\n([\s\S]*)^# End of what the plugin leaves\.$/m.exec(
    readFileSync(at("build/install.sh"), "utf8"),
  ) as unknown as [string, string];
  return `say() { echo "ipvlan-cni: $*" >&2; }\nroot=\${DPKG_ROOT:-}\n\n${begin}\n${functions}`;
}

const scripts = (): Record<string, string> => ({
  preinst: `#!/bin/sh
set -e
case $1 in
  install | upgrade) dpkg-divert ${diversion} --add /usr/lib/cni/ipvlan ;;
esac
`,
  prerm: `#!/bin/sh
set -e
${leavings()}
if [ "$1" = remove ] && [ -n "$(attached)" ]; then
  say "warning: this plugin has attached $(attached | some), and their removal needs it: install it again, or remove them before"
fi
`,
  postrm: `#!/bin/sh
set -e
${leavings()}
case $1 in
  remove | abort-install | disappear) dpkg-divert ${diversion} --remove /usr/lib/cni/ipvlan ;;
esac
case $1 in
  remove) tell_what_stays "apt-get purge ipvlan-cni removes it" ;;
  purge)
    if [ -z "$(attached)" ]; then forget; else say "warning: it has still attached $(attached | some)"; fi
    tell_what_stays "rm -r it once they are gone"
    ;;
esac
`,
});

/** Debian's machine-readable copyright file. */
function copyrightOf(components: readonly Component[]): string {
  const contained = components.map(({ name, version, license }) => ` ${name} ${version}: ${license}`).join("\n");
  const text = thirdPartyText(components).trim().replaceAll(/^/gm, " ").replaceAll(/^ $/gm, " .");
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ipvlan-cni

Files: *
Copyright: The ipvlan-cni authors
License: Apache-2.0
 On Debian systems, the text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.

Files: usr/lib/cni/ipvlan usr/lib/cni/ipvlan-node
Copyright: The ipvlan-cni authors; those of the software that it contains
License: Apache-2.0 and others
 The executables contain, besides their own code, which is under the Apache
 License 2.0:
 .
${contained}
 .
${text}
`;
}
