// BUNDLE OUTPUT ARCH RUNTIME: makes a single executable application of a bundle and a Node binary. pkg's command line
// would download a Node; its SEA builder, called as a module, takes the one it is given.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { type Arch, hostArch } from "./runtimes.ts";

interface SeaOptions {
  targets: { platform: string; arch: string; nodeRange: string; output: string }[];
  nodePath?: string;
  seaConfig: object;
}

const sea: (entry: string, options: SeaOptions) => Promise<void> = createRequire(import.meta.url)(
  "@yao-pkg/pkg/lib-es5/sea",
).default;

const [bundle, output, arch, runtime] = process.argv.slice(2) as [string, string, Arch, string];

// No flags of V8: with other flags than it was built with, Node passes over the compiled code of its own modules, 9 ms.
// pkg works in a folder below the one for temporary files. The program's path becomes a part of the executable, and shall be the
// same wherever it is built.
process.env.TMPDIR = dirname(bundle);

const seaConfig = {
  main: `../${basename(bundle)}`,
  mainFormat: "module",
  // It would save a tenth of the start, but is another one each time that it is made.
  useCodeCache: false,
  // node:ffi warns that it is experimental. OpenSSL's configuration is none of a CNI plugin's business, and a broken
  // one would keep Node from starting.
  execArgv: ["--disable-warning=ExperimentalWarning", "--openssl-config=/dev/null"],
  // NODE_OPTIONS is not read.
  execArgvExtension: "none",
};

const target = (arch: Arch, output: string) => ({
  platform: "linux",
  arch,
  nodeRange: `node${process.versions.node}`,
  output,
});

if (arch === hostArch) {
  await sea(bundle, { targets: [target(arch, output)], nodePath: runtime, seaConfig });
} else {
  // A binary given by its path is run, to learn its version; one that pkg finds where it keeps downloads is not. The
  // host's own comes first: it is the one that is run to lay out the program's data.
  const home = mkdtempSync(join(dirname(output), ".home-"));
  process.env.HOME = home;
  try {
    keepAsDownload(home, hostArch, process.execPath);
    keepAsDownload(home, arch, runtime);
    await sea(bundle, { targets: [target(hostArch, join(home, "host")), target(arch, output)], seaConfig });
  } finally {
    rmSync(home, { recursive: true });
  }
}

/** As pkg leaves a downloaded Node: archive and binary, each with a mark beside it that says it is whole. */
function keepAsDownload(home: string, arch: Arch, binary: string): void {
  const name = `node-${process.version}-linux-${arch}`;
  const downloads = join(home, ".pkg-cache", "sea");
  const folder = join(downloads, name, "bin");
  mkdirSync(folder, { recursive: true });
  for (const file of [join(downloads, `${name}.tar.gz`), join(downloads, `${name}.tar.gz.ok`)]) writeFileSync(file, "");
  symlinkSync(binary, join(folder, "node"));
  writeFileSync(join(folder, "node.ok"), "");
}
